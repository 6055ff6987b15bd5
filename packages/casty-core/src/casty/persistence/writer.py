"""Group commit: one writer per open journal, whose next batch is whatever arrived while the last one was
being stored.

Theory of operation: `submit` appends to a queue and, if nothing is running, starts one flush task; the task
takes batches until the queue is empty, then ends. So an idle writer is a queue and nothing else, a lone write
waits for nobody, and the busier the journal, the larger the batches. A busy entity's next events join its write that
still waits, so that the cost of a write is paid once for many commands. Every submitted group is settled exactly
once, whatever happens to the store or the task.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final

from casty.errors import JournalClosedError, JournalError, JournalOverloadedError
from casty.persistence.outbox import CURRENT
from casty.persistence.sequence import chain_of
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalStore

type Done = Callable[[Exception | None], None]
"""Told once what became of a group. Called on the event loop, never within `submit`; must not raise."""

CAPACITY: Final = 10_000
"""Writes that may wait: beyond, the journal is slower than its users for good, and they had better know."""

CAPACITY_BYTES: Final = 64 * 1024 * 1024
"""Payload that may wait, for the same reason; a single larger group is taken when nothing else waits."""

BATCH_EVENTS: Final = 1_000
"""Events of one append: larger batches gain nothing more and make everyone in them wait."""

BATCH_BYTES: Final = 1024 * 1024
"""Payload of one append, for the same reason; a single larger group is a batch of its own."""


class Write:
    """A group on its way to the store."""

    __slots__ = ("done", "group", "joined", "size", "taken")

    def __init__(self, group: list[EventRecord], done: Done, size: int) -> None:
        self.group = group
        self.done = done
        self.size = size
        self.joined = 1
        """Of how many writes it consists by now."""
        self.taken = False
        """It is being stored, or is as large as a batch may be: it takes no more."""


class JournalWriter:
    """Stores groups through one store, many to an append."""

    __slots__ = (
        "_bytes_waiting",
        "_context",
        "_queue",
        "_room",
        "_room_bytes",
        "_store",
        "_task",
        "_waiting",
        "_watchers",
    )

    def __init__(self, store: JournalStore, *, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._store = store
        self._context = copy_context()
        # It acts for everybody, and not on behalf of the command that happened to come first.
        self._context.run(CURRENT.set, None)
        self._queue: deque[Write] = deque()
        self._waiting = self._bytes_waiting = 0
        self._room = capacity
        self._room_bytes = capacity_bytes
        self._task: asyncio.Task[None] | None = None
        self._watchers: list[Callable[[], object]] = []

    def submit(self, group: list[EventRecord], done: Done, size: int | None = None) -> Write:
        """Store `group` with the next batch, then call `done(None)`; or `done(error)` if it was not, or may
        not have been, stored. `size` are the bytes of its payload, which are counted unless they are known.

        `done` gets `SequenceConflictError` for a group that does not follow its entity's last event, and
        another `JournalError` for a store that failed, where the outcome is unknown. Raises
        `JournalOverloadedError` if too many groups, or too large ones, are waiting, `JournalClosedError` after
        `close`; then nothing is stored and `done` is not called.
        """
        if size is None:
            size = sum(len(record.payload) for record in group)
        self._admit(size)
        write = Write(group, done, size)
        self._queue.append(write)
        if self._task is None:
            # A task's own constructor: an eager task factory would run `done` in here.
            self._task = asyncio.Task(self._flush(), name="casty-journal-writer", context=self._context)
        return write

    def join(self, write: Write, group: AppendGroup, size: int) -> bool:
        """Make the events that follow those of a waiting write, with `size` bytes of payload, a part of it: stored,
        and told of, together.

        Answers False if it takes no more. Raises like `submit`.
        """
        if write.taken:
            return False
        self._admit(size)
        write.joined += 1
        write.group += group
        write.size += size
        if len(write.group) >= BATCH_EVENTS or write.size >= BATCH_BYTES:
            write.taken = True
        return True

    @property
    def busy(self) -> bool:
        """Whether anything is queued or being stored."""
        return self._task is not None

    @contextmanager
    def watched(self, stored: Callable[[], object]) -> Generator[None]:
        """For the length of a `with`, call `stored` whenever there may be new events. It must not raise."""
        self._watchers.append(stored)
        try:
            yield
        finally:
            self._watchers.remove(stored)

    async def drain(self) -> None:
        """Wait until nothing is queued or being stored."""
        while (task := self._task) is not None:
            await asyncio.wait((task,))

    async def close(self) -> None:
        """Refuse new groups from now on, and wait until those that were accepted are settled."""
        self._room = 0
        await self.drain()

    def _admit(self, size: int) -> None:
        """Count one more write that waits, or raise."""
        if self._waiting >= self._room or (self._waiting and self._bytes_waiting + size > self._room_bytes):
            raise self._rejection(size)
        self._waiting += 1
        self._bytes_waiting += size

    def _dismiss(self, write: Write) -> None:
        """What it consists of waits no more, and nothing can join it."""
        write.taken = True
        self._waiting -= write.joined
        self._bytes_waiting -= write.size

    def _rejection(self, size: int) -> JournalError:
        if self._room == 0:
            return JournalClosedError("the journal is closed and stores nothing more; open it again to write to it")
        return JournalOverloadedError(
            f"{self._waiting} writes with {self._bytes_waiting:,} bytes are waiting for the journal, which holds "
            f"{self._room} with {self._room_bytes:,} bytes and has no room for {size:,} bytes more; "
            "send fewer commands at once, or smaller events, or use a faster journal"
        )

    async def _flush(self) -> None:
        batch: list[Write] = []
        try:
            while self._queue:
                batch = self._next_batch()
                outcomes = await self._store_batch([write.group for write in batch])
                settled, batch = batch, []
                _settle(settled, outcomes)
                self._refuse_behind(settled, outcomes)
                for stored in self._watchers:
                    stored()
                # A store that never suspends must not keep the loop, and who was just told may join the next
                # batch.
                await asyncio.sleep(0)
        finally:
            self._task = None
            self._abandon(batch)

    def _next_batch(self) -> list[Write]:
        queue = self._queue
        batch: list[Write] = []
        events = size = 0
        while queue:
            write = queue[0]
            events += len(write.group)
            size += write.size
            if batch and (events > BATCH_EVENTS or size > BATCH_BYTES):
                break
            self._dismiss(write)
            batch.append(queue.popleft())
        return batch

    def _refuse_behind(self, batch: Sequence[Write], outcomes: Sequence[AppendOutcome]) -> None:
        """Refuse what waits and was decided on top of events that are not stored, or not for certain."""
        broken = {chain_of(write.group): error for write, error in zip(batch, outcomes, strict=True) if error}
        if not broken:
            return
        waiting, self._queue = self._queue, deque()
        for write in waiting:
            error = broken.get(chain_of(write.group))
            if error is None:
                self._queue.append(write)
            else:
                self._dismiss(write)
                _settle([write], [error])

    async def _store_batch(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        try:
            outcomes = await self._store.append(groups)
        except JournalError as error:
            return [error] * len(groups)
        except Exception as error:
            wrapped = JournalError(f"the journal failed to store {len(groups)} groups of events: {error!r}")
            wrapped.__cause__ = error
            return [wrapped] * len(groups)
        if len(outcomes) != len(groups):
            error = JournalError(f"the journal's store answered {len(outcomes)} outcomes for {len(groups)} groups")
            return [error] * len(groups)
        return outcomes

    def _abandon(self, in_flight: list[Write]) -> None:
        """Settle what a cancelled flush leaves behind; nothing is left behind by one that ran to its end."""
        if in_flight:
            error = JournalError("the write to the journal was cancelled; whether its events are stored is unknown")
            _settle(in_flight, [error] * len(in_flight))
        if self._queue:
            waiting, self._queue = self._queue, deque()
            for write in waiting:
                self._dismiss(write)
            _settle(
                waiting,
                [JournalClosedError("the journal's writer was cancelled before it stored this")] * len(waiting),
            )


def _settle(batch: Iterable[Write], outcomes: Sequence[AppendOutcome]) -> None:
    for write, outcome in zip(batch, outcomes, strict=True):
        try:
            write.done(outcome)
        except Exception as error:
            # The others of the batch are still waiting to be told.
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{write.done!r}, called after a write to the journal, raised", "exception": error}
            )
