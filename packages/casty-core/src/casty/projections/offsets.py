"""Offsets in memory: for read models that live in memory too, and the reference for every other store."""

from asyncio import Lock
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final


@final
class InMemoryOffsets:
    """Offsets that live as long as this object: with a new one, projections begin at the first event."""

    def __init__(self) -> None:
        self._offsets: dict[str, int] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["InMemoryOffsets"]:
        yield self

    async def offset(self, name: str) -> int:
        return self._offsets.get(name, 0)

    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator["_Transaction"]:
        async with self._locks[name]:
            transaction = _Transaction(self._offsets.get(name, 0))
            yield transaction
            self._offsets[name] = transaction.reached


class _Transaction:
    connection = None

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.reached = offset

    async def advance(self, offset: int) -> None:
        self.reached = offset
