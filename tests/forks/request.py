"""What is said between the process that runs the tests and its fork server."""

import pickle
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 2**17
"""Bytes of a request, most of which are its environment."""
ADOPTED: Final = b"adopted"
"""Said once the forked process is a child of the one that runs the tests; its number was said before."""


@dataclass(frozen=True, slots=True)
class Request:
    """A program to run, as `python -m MODULE ARGUMENTS` or `python FILE ARGUMENTS` would."""

    program: str
    arguments: tuple[str, ...]
    is_module: bool
    strict: bool
    """Whether warnings are errors."""
    folder: str
    environment: dict[str, str]
    group: int | None
    """The process group that it joins, 0 for one of its own."""

    def packed(self) -> bytes:
        return pickle.dumps(self)


def unpacked(data: bytes) -> Request:
    request: Request = pickle.loads(data)
    return request
