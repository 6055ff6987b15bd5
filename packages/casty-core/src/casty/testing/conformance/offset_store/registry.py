"""What a check of an offset store is given, what a store may promise, and the decorator that lists checks."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from casty.spi.offset_store import OpenOffsets
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an offset store promises beyond the protocol."""

    transactional: bool
    """What is written through the connection is committed with the offset, or not at all."""


async def _insert_nothing(connection: Any, row: str) -> None: ...


async def _no_rows() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Subject:
    """The store under test."""

    open: Callable[[], AbstractAsyncContextManager[OpenOffsets[Any]]]
    insert: Callable[[Any, str], Awaitable[object]] = _insert_nothing
    """Writes a row, a text, through a transaction's connection. Only for transactional stores."""
    rows: Callable[[], Awaitable[Sequence[str]]] = _no_rows
    """The rows that are committed, in the order in which they were written; not by the store's own connection."""


type Check = Callable[[Subject], Awaitable[None]]
"""Raises `AssertionError` if the store does not do what the check's name says."""

Checks = RoomChecks[Capabilities, Check]
