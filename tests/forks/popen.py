"""Has the Python programs that tests start forked from a process which has loaded Casty already.

There are hundreds of them, and most would take longer to load Casty than to do their work. Those of the forms
`python -m MODULE` and `python FILE` are forked, with `-W error` too. All others start an interpreter: tests of what a
program loads use `python -c`.
"""

import ctypes
import inspect
import os
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from tests.forks.request import ADOPTED, Request

ROOT: Final = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER: Final = 36
"""Of prctl(2): orphans among the descendants of this process become its children."""
FILES: Final = ("p2cread", "c2pwrite", "errwrite")
"""What `subprocess` calls the standard files of a program, each -1 for the one of this process."""
PIPES: Final = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
PLAIN: Final = {
    "executable": None,
    "preexec_fn": None,
    "pass_fds": (),
    "shell": False,
    "gid": None,
    "gids": None,
    "uid": None,
    "umask": -1,
    "start_new_session": False,
}
"""Its arguments as they must be for a fork."""
ANEW: Final = frozenset({"pytest"})
"""Modules that have to be loaded before all others."""


class ForkServer:
    """That of this process. It is started by the first request, and ends with `close`."""

    def __init__(self) -> None:
        self._requests, self._other_end = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._interpreter = settings_of_interpreter(os.environ)

    def takes(self, environment: Mapping[str, str]) -> bool:
        """Whether an interpreter with this environment would be as the server is."""
        return settings_of_interpreter(environment) == self._interpreter

    def fork(self, request: Request, files: Sequence[int]) -> int:
        """Returns the number of the program's process, a child of this one."""
        with self._lock, adopting():
            self._start()
            socket.send_fds(self._requests, [request.packed()], files)
            number = int(self._requests.recv(100))
            assert self._requests.recv(100) == ADOPTED
            return number

    def _start(self) -> None:
        if self._process is None:
            command = [sys.executable, "-m", "tests.forks.server", str(self._other_end.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[self._other_end.fileno()])
            self._other_end.close()

    def close(self) -> None:
        self._requests.close()
        self._other_end.close()
        if self._process is not None:
            self._process.wait()


def settings_of_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LD_", "LC_", "LANG"))}


@contextmanager
def adopting() -> Generator[None]:
    """Orphans of the processes below this one become its children meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def fork_programs(server: ForkServer) -> None:
    """Let the server fork what `subprocess` starts from now on, and asyncio by it. Elsewhere than on Linux, processes
    cannot be handed over, and nothing changes.
    """
    if sys.platform != "linux":
        return
    popen: Any = subprocess.Popen
    start = popen._execute_child
    names = list(inspect.signature(start).parameters)[1:]

    def execute_child(process: Any, *values: Any) -> None:
        given = dict(zip(names, values, strict=True))
        files = [given[name] if given[name] >= 0 else number for number, name in enumerate(FILES)]
        request = requested(given)
        if request is None or not server.takes(request.environment) or any(map(os.isatty, files)):
            start(process, *values)
            return
        process.pid = server.fork(request, files)
        process._child_created = True
        process._close_pipe_fds(*(given[name] for name in PIPES))

    popen._execute_child = execute_child


def requested(given: Mapping[str, Any]) -> Request | None:
    """What to fork for these arguments of `subprocess.Popen`; None if it has to be an interpreter of its own."""
    command = given["args"]
    if isinstance(command, str | bytes | os.PathLike) or any(given[name] != value for name, value in PLAIN.items()):
        return None
    interpreter, *arguments = map(os.fsdecode, command)
    if strict := arguments[:2] == ["-W", "error"]:
        arguments = arguments[2:]
    if is_module := arguments[:1] == ["-m"]:
        arguments = arguments[1:]
    if interpreter != sys.executable or not arguments or arguments[0].startswith("-") or arguments[0] in ANEW:
        return None
    program, *arguments = arguments
    return Request(
        program,
        tuple(arguments),
        is_module=is_module,
        strict=strict,
        folder=os.path.abspath(given["cwd"] or os.curdir),
        environment={**os.environ} if given["env"] is None else {**given["env"]},
        group=None if given["process_group"] < 0 else given["process_group"],
    )
