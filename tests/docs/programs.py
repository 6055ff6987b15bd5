"""Programs as the documents have them, each in a process of its own.

`python -m tests.docs.programs FOLDER` runs every `PROGRAM/program.py` below the folder, from the program's own folder,
and leaves there what it has printed. The processes are forks of one that has loaded what they need, which would take
each of them longer than its work.
"""

import asyncio
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Final

from casty_cluster import DevelopmentCluster

PROGRAM: Final = "program.py"
OUT: Final = "out"
ERR: Final = "err"
LONGEST: Final = 100
"""Seconds after which a program is ended: it would outlive the test."""


async def load_all() -> None:
    """Start a node, as the packages load their modules when they are first needed."""
    async with DevelopmentCluster(1):
        pass


def main() -> None:
    asyncio.run(load_all())
    for program in sorted(Path(sys.argv[1]).glob(f"*/{PROGRAM}")):
        if not os.fork():
            os.chdir(program.parent)
            signal.alarm(LONGEST)
            for number, name in ((1, OUT), (2, ERR)):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
            runpy.run_path(PROGRAM, run_name="__main__")
            return  # and end as any program does
        _, status = os.wait()
        if status:
            with (program.parent / ERR).open("a") as errors:
                errors.write(f"it ended with {os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main()
