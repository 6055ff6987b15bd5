"""A process that has loaded Casty, and forks for each program that a test runs.

`python -m tests.forks.server SOCKET` takes requests from the process that runs the tests, with the three standard files
of each. It forks twice, and the process in between ends: so the program's process is a child of whatever adopts it,
which is the one that runs the tests, and may be waited for and killed like any other.
"""

import asyncio
import gc
import os
import runpy
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from casty import ClusteredActorSystem

from tests.forks.request import ADOPTED, LONGEST, Request, unpacked

WHEN_NEEDED: Final = ("casty_cli.app", "casty_journal_sqlite")
"""Modules that Casty loads in some programs only."""


async def load_all() -> None:
    """Start a node, as the packages load their modules when they are first needed."""
    for module in WHEN_NEEDED:
        import_module(module)
    async with ClusteredActorSystem(name="loading", host="127.0.0.1", port=0):
        pass


def serve(requests: socket.socket) -> tuple[Request, Sequence[int]] | None:
    """Take requests until the other side ends. Returns what to run in a process that was forked for it."""
    while True:
        data, files, _, _ = socket.recv_fds(requests, LONGEST, 3)
        if not data:
            return None
        if not os.fork():
            number = os.fork()
            if not number:
                return unpacked(data), files
            requests.send(str(number).encode())
            os._exit(0)
        for file in files:
            os.close(file)
        os.wait()
        requests.send(ADOPTED)


def become(request: Request, files: Sequence[int]) -> None:
    """Have this process do what a new interpreter would do first."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    open_standard_streams()
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    if request.group is not None:
        os.setpgid(0, request.group)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request.strict:
        warnings.simplefilter("error")
    sys.argv = [request.program, *request.arguments]
    sys.path[0] = request.folder if request.is_module else str(Path(request.program).resolve().parent)


def open_standard_streams() -> None:
    """What they are depends on whether a file, a pipe or nothing stands behind them."""
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", errors="backslashreplace", closefd=False)
    sys.stderr.reconfigure(line_buffering=True)


def main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the programs
    asyncio.run(load_all())
    assert threading.active_count() == 1, "a fork has no other thread than the one that forks"
    gc.collect()
    gc.freeze()
    asked = serve(requests)
    requests.close()
    if asked is None:
        return
    request, files = asked
    become(request, files)
    if request.is_module:
        runpy.run_module(request.program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(request.program, run_name="__main__")


if __name__ == "__main__":
    main()
