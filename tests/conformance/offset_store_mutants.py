"""Offset stores in memory with one fault each, of the kinds that stores really have."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import override


class Rows:
    """What a transaction writes to: rows become visible when it is committed."""

    def __init__(self) -> None:
        self.written: list[str] = []

    async def insert(self, row: str) -> None:
        self.written.append(row)


class Transaction:
    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.reached = offset
        self.connection = Rows()

    async def advance(self, offset: int) -> None:
        self.reached = offset


class TransactionalOffsets:
    """The one that is right: offsets and rows behind one lock."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.rows: list[str] = []
        self.lock = asyncio.Lock()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["TransactionalOffsets"]:
        yield self

    async def offset(self, name: str) -> int:
        return self.offsets.get(name, 0)

    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with self.lock:
            transaction = Transaction(self.offsets.get(name, 0))
            yield transaction
            self.commit(name, transaction)

    def commit(self, name: str, transaction: Transaction) -> None:
        self.offsets[name] = transaction.reached
        self.rows += transaction.connection.written


class CommitsAnyway(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with self.lock:
            transaction = Transaction(self.offsets.get(name, 0))
            try:
                yield transaction
            finally:
                self.commit(name, transaction)


class CommitsWhenCancelled(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with self.lock:
            transaction = Transaction(self.offsets.get(name, 0))
            try:
                yield transaction
            except Exception:
                raise
            except BaseException:
                self.commit(name, transaction)
                raise
            else:
                self.commit(name, transaction)


class SwallowsExceptions(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        try:
            async with super().transaction(name) as transaction:
                yield transaction
        except Exception:
            return


class WrapsExceptions(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        try:
            async with super().transaction(name) as transaction:
                yield transaction
        except Exception as error:
            raise KeyError("the transaction failed") from error


class KeepsItsLockAfterAnException(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with asyncio.timeout(0.2):
            await self.lock.acquire()
        transaction = Transaction(self.offsets.get(name, 0))
        yield transaction
        self.commit(name, transaction)
        self.lock.release()


class ShowsWhatIsNotCommitted(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with super().transaction(name) as transaction:
            before, advance = self.offsets.get(name, 0), transaction.advance

            async def advance_at_once(offset: int) -> None:
                await advance(offset)
                self.offsets[name] = offset

            transaction.advance = advance_at_once
            try:
                yield transaction
            except BaseException:
                self.offsets[name] = before
                raise


class OnlyGoesForward(TransactionalOffsets):
    @override
    def commit(self, name: str, transaction: Transaction) -> None:
        transaction.reached = max(transaction.reached, transaction.offset)
        super().commit(name, transaction)


class CountsTheFirstAdvance(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with super().transaction(name) as transaction:
            first: list[int] = []

            async def advance(offset: int) -> None:
                first.append(offset)
                transaction.reached = first[0]

            transaction.advance = advance
            yield transaction


class Has32Bits(TransactionalOffsets):
    @override
    def commit(self, name: str, transaction: Transaction) -> None:
        transaction.reached &= 2**32 - 1
        super().commit(name, transaction)


class IgnoresCase(TransactionalOffsets):
    @override
    async def offset(self, name: str) -> int:
        return await super().offset(name.lower())

    @override
    def transaction(self, name: str):
        return super().transaction(name.lower())


class ExcludesNoTransaction(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        transaction = Transaction(self.offsets.get(name, 0))
        yield transaction
        self.commit(name, transaction)


class LocksOnlyWhatIsThere(TransactionalOffsets):
    """As `SELECT … FOR UPDATE` does, of a row that is not there yet."""

    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        if name in self.offsets:
            async with super().transaction(name) as transaction:
                yield transaction
        else:
            transaction = Transaction(0)
            yield transaction
            self.commit(name, transaction)


class MakesReadersWait(TransactionalOffsets):
    @override
    async def offset(self, name: str) -> int:
        async with asyncio.timeout(0.2), self.lock:
            return self.offsets.get(name, 0)


class LooksBeforeItWaits(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        found = self.offsets.get(name, 0)
        async with super().transaction(name) as transaction:
            transaction.offset = transaction.reached = found
            yield transaction


class CommitsRowsAtOnce(TransactionalOffsets):
    @override
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[Transaction]:
        async with super().transaction(name) as transaction:
            transaction.connection.written = self.rows
            yield transaction
            transaction.connection.written = []


class ForgetsRowsWithoutAnAdvance(TransactionalOffsets):
    @override
    def commit(self, name: str, transaction: Transaction) -> None:
        if transaction.reached != transaction.offset:
            super().commit(name, transaction)
