"""The argument of checks of offset stores, the capabilities of a store, and the decorator of checks."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from casty.spi.offset_store import OpenOffsets
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities of an offset store beyond the protocol."""

    transactional: bool
    """Rows written through the connection are committed with the offset, or not at all."""


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
    """Returns the committed rows in written order, over another connection than the store's."""


type Check = Callable[[Subject], Awaitable[None]]
"""Raises `AssertionError` if the statement in the check's name is not true of the store."""

Checks = RoomChecks[Capabilities, Check]
