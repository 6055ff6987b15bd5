"""Programs as the documents have them, each in a process of its own.

`python -m tests.docs.programs FOLDER` runs every `PROGRAM/program.py` below the folder, from the program's own folder,
and leaves there what it has printed. The processes are forks of one that has imported everything: starting an
interpreter for each took longer than the programs.
"""

import os
import runpy
import sys
from pathlib import Path
from typing import Final

import casty
import casty_cluster

PROGRAM: Final = "program.py"
OUT: Final = "out"
ERR: Final = "err"
LOADED: Final = (casty.ActorSystem, casty_cluster.ClusteredActorSystem, casty.SqliteJournal)
"""What most programs use; packages load it when it is first asked for."""


def main() -> None:
    for program in sorted(Path(sys.argv[1]).glob(f"*/{PROGRAM}")):
        if not os.fork():
            os.chdir(program.parent)
            for number, name in ((1, OUT), (2, ERR)):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
            runpy.run_path(PROGRAM, run_name="__main__")
            return  # and end as any program does
        os.wait()


if __name__ == "__main__":
    main()
