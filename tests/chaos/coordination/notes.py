"""Histories in files, one for each process and kind of structure: they show what a killed process was waiting for."""

import json
import time
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from casty.distributed import LockGrant
from casty.testing.linearizability import Operation

from tests.callers import Call

LEASE = "lease"
"""The process of operations that are ends of leases."""


class FileNotes:
    """What callers see, by the machine's monotonic clock, which all its processes share."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._numbers = count()

    async def record[R](self, process: str, call: Call, awaitable: Awaitable[R]) -> R:
        number = self._called(process, call, time.monotonic())
        result = await awaitable
        self._write(number=number, returned=time.monotonic(), result=result)
        return result

    def may_happen(self, process: str, call: Call) -> None:
        self._called(process, call, time.monotonic())

    def held(self, grant: LockGrant) -> None:
        self._called(LEASE, ("expire", grant.token), grant.valid_until)

    def refused(self, reason: str) -> None:
        """Note that the structure has refused an operation, which none of these is reason to."""
        self._write(refused=reason)

    def _called(self, process: str, call: Call, invoked: float) -> int:
        number = next(self._numbers)
        self._write(number=number, process=process, call=call, invoked=invoked)
        return number

    def _write(self, **line: Any) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()  # a process that is killed later has written it


def read(files: Iterable[Path]) -> list[Operation]:
    """The operations of all these processes, and the latest end of each lease. Raises AssertionError for one that was
    refused.
    """
    return [operation for file in files for operation in _read(file)]


def _read(file: Path) -> Iterable[Operation]:
    operations: dict[int, Operation] = {}
    ends: dict[Call, Operation] = {}
    for text in file.read_text().splitlines(keepends=True):
        if not text.endswith("\n"):
            break  # it was being written when the process was killed
        match json.loads(text):
            case {"refused": reason}:
                raise AssertionError(f"{file.stem}: an operation was refused: {reason}")
            case {"number": number, "returned": returned, "result": result}:
                operations[number] = replace(operations[number], returned=returned, result=result)
            case {"number": number, "process": process, "call": call, "invoked": invoked}:
                operation = Operation(process=process, call=tuple(call), invoked=invoked)
                if process == LEASE:
                    ends[operation.call] = operation
                else:
                    operations[number] = operation
            case line:
                raise AssertionError(f"{file.stem}: {line}")
    return [*operations.values(), *ends.values()]
