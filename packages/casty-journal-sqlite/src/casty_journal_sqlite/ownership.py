"""Keeps two processes from owning one journal file, by a lock on a file next to it. The operating system releases the
lock of a process that dies.

The stores of one process share the lock: SQLite serializes their writes, and every statement checks its assumptions.
Without `fcntl`, on Windows, nothing is locked: if two processes write to one entity, one of them fails with a
conflict.
"""

import os
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Final

from casty.errors import JournalError

try:
    import fcntl
except ImportError:
    fcntl = None

_guard: Final = Lock()
_shares: Final[dict[tuple[int, str], tuple[int, int]]] = {}
"""The descriptor of each lock file and the number of stores that share it. Per process: a fork inherits this dict, but
no lock.
"""


def take_ownership(path: str) -> Callable[[], None]:
    """Own the journal file `path` until the result is called.

    Raises `JournalError` if another process owns it, and `OSError` if the lock file cannot be made.
    """
    # By its real path: the lock belongs to the process, so closing a second descriptor of the file would release it.
    key = os.getpid(), os.path.realpath(path) + "-lock"
    with _guard:
        descriptor, stores = _shares.get(key) or (_locked(path, key[1]), 0)
        _shares[key] = descriptor, stores + 1
    return partial(_give_back, key)


def _give_back(key: tuple[int, str]) -> None:
    with _guard:
        descriptor, stores = _shares.pop(key)
        if stores > 1:
            _shares[key] = descriptor, stores - 1
        else:
            os.close(descriptor)


def _locked(path: str, lock_file: str) -> int:
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d" % os.getpid())
    except (BlockingIOError, PermissionError):  # which of them depends on the system
        owner = os.read(descriptor, 20).decode() or "unknown"
        os.close(descriptor)
        raise JournalError(
            f"the SQLite journal {path} is open in another process, {owner}, and has one owner at a time; "
            "stop that process, use a file for each, or open this one with read_only to look at it"
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
