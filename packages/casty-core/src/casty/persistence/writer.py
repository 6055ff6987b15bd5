"""Group commit: one writer per open journal, whose next batch is whatever arrived while the last one was
being stored.

Theory of operation: `submit` appends to a queue and, if nothing is running, starts a lane: a task that takes
batches until the queue is empty, then ends. So an idle writer is a queue and nothing else, a lone write waits for
nothing, and the busier the journal, the larger the batches. A busy entity's next events join its write that still
waits, so that the cost of a write is paid once for many commands. Every submitted group is settled exactly once,
whatever happens to the store or the lane.

Where the store supports several appends at a time and it pays (see `pace`), there are several lanes, among which what
waits is divided. Never do two of them hold events of one entity: what follows waits until it is known what became of
those before it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final, cast

from casty.errors import JournalClosedError, JournalError, JournalOverloadedError
from casty.interruption import interrupts
from casty.output_commit import CURRENT
from casty.persistence.pace import Pace
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalStore
from casty.spi.sequence import chain_of

type Done = Callable[[Exception | None], None]
"""Called once with the outcome of a group, on the event loop and never within `submit`; must not raise."""

CAPACITY: Final = 10_000
"""Writes that may wait: beyond, the journal is slower than its users for good, and an error must say so."""

CAPACITY_BYTES: Final = 64 * 1024 * 1024
"""Payload that may wait, for the same reason; a single larger group is taken when nothing else waits."""

BATCH_EVENTS: Final = 1_000
"""Events of one append: larger batches gain nothing more and make all writes in them wait."""

BATCH_BYTES: Final = 1024 * 1024
"""Payload of one append, for the same reason; a single larger group is a batch of its own."""

FEW: Final = 16
"""Writes that are not worth dividing."""


class Write:
    """A group on its way to the store."""

    __slots__ = ("done", "entity_id", "group", "joined", "size", "taken")

    def __init__(self, group: list[EventRecord], done: Done, size: int) -> None:
        self.entity_id = group[0].entity_id
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
        "_lanes",
        "_pace",
        "_queue",
        "_room",
        "_room_bytes",
        "_store",
        "_storing",
        "_under_way",
        "_waiting",
        "_watchers",
    )

    def __init__(self, store: JournalStore, *, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._store = store
        self._context = copy_context()
        # It acts for all writers, and not on behalf of the command that happened to come first.
        self._context.run(CURRENT.set, None)
        self._queue: deque[Write] = deque()
        self._waiting = self._bytes_waiting = 0
        self._room = capacity
        self._room_bytes = capacity_bytes
        self._lanes: set[asyncio.Task[None]] = set()
        self._under_way = 0
        """Appends that have begun and not ended."""
        self._storing: set[str] = set()
        """The entities whose events are being stored."""
        self._pace = Pace(store.capabilities.concurrent_appends)
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
        if not self._lanes:
            self._pace.begin(asyncio.get_running_loop().time())
            self._open_lane()
        elif len(self._lanes) < self._pace.lanes and write.entity_id not in self._storing:
            self._open_lane()
        return write

    def join(self, write: Write, group: AppendGroup, size: int) -> bool:
        """Make the events that follow those of a waiting write, with `size` bytes of payload, a part of it: stored,
        and told of, together.

        Returns False if it takes no more. Raises like `submit`.
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
        return bool(self._lanes)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """The lanes that store."""
        return tuple(self._lanes)

    @property
    def storing(self) -> bool:
        """Whether an append is under way."""
        return self._under_way > 0

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
        while self._lanes:
            await asyncio.wait(self._lanes)

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

    def _open_lane(self) -> None:
        # A task's own constructor: an eager task factory would run `done` in here.
        lane = asyncio.Task(self._run_lane(), name="casty-journal-writer", context=self._context)
        self._lanes.add(lane)
        lane.add_done_callback(self._lane_ended)

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        if self._queue and not self._lanes:
            if lane.cancelled():
                self._abandon()
            else:
                self._open_lane()

    async def _run_lane(self) -> None:
        time = asyncio.get_running_loop().time
        while batch := self._next_batch():
            self._conclude(batch, await self._store_batch(batch))
            self._pace.stored(sum(len(write.group) for write in batch), time())
            # A store that never suspends must not keep the loop; and an actor whose events were just stored may join
            # the next batch: one turn of the loop wakes its askers, and in another it handles their next commands.
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _next_batch(self) -> list[Write]:
        """What the lane that asks is to store next: its share of what waits. Nothing, if it is one too many."""
        free = self._pace.lanes - self._under_way
        if free <= 0:
            return []
        batch = self._take(max(self._waiting // free, FEW))
        if batch:
            self._under_way += 1
            self._storing.update([write.entity_id for write in batch])
        if self._queue and len(self._lanes) < self._pace.lanes:
            self._open_lane()
        return batch

    def _take(self, share: int) -> list[Write]:
        """So many writes from the queue, if they fit into a batch, without those whose entities are being stored."""
        queue, storing = self._queue, self._storing
        batch: list[Write] = []
        passed_over: list[Write] = []
        writes = events = size = 0
        while queue and len(passed_over) < BATCH_EVENTS:
            write = queue[0]
            if write.entity_id in storing:
                passed_over.append(queue.popleft())
                continue
            writes += write.joined
            events += len(write.group)
            size += write.size
            if batch and (writes > share or events > BATCH_EVENTS or size > BATCH_BYTES):
                break
            self._dismiss(write)
            batch.append(queue.popleft())
        queue.extendleft(reversed(passed_over))
        return batch

    def _conclude(self, batch: Sequence[Write], outcomes: Sequence[AppendOutcome]) -> None:
        """Report the outcomes of a batch."""
        self._under_way -= 1
        self._storing.difference_update([write.entity_id for write in batch])
        _settle(batch, outcomes)
        self._refuse_behind(batch, outcomes)
        for stored in self._watchers:
            stored()

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

    async def _store_batch(self, batch: Sequence[Write]) -> Sequence[AppendOutcome]:
        groups = [write.group for write in batch]
        try:
            return _checked(await self._store.append(groups), len(groups))
        except JournalError as error:
            return [error] * len(groups)
        except BaseException as error:
            if interrupts(error):
                cancelled = JournalError("the write was cancelled; whether its events are stored is unknown")
                self._conclude(batch, [cancelled] * len(batch))
                raise
            wrapped = JournalError(f"the journal failed to store {len(groups)} groups of events: {error!r}")
            wrapped.__cause__ = error
            return [wrapped] * len(groups)

    def _abandon(self) -> None:
        """Settle what a cancelled lane leaves behind, with no other one to store it."""
        waiting, self._queue = self._queue, deque()
        for write in waiting:
            self._dismiss(write)
        _settle(
            waiting, [JournalClosedError("the journal's writer was cancelled before it stored this")] * len(waiting)
        )


def _checked(outcomes: Sequence[AppendOutcome], groups: int) -> Sequence[AppendOutcome]:
    """Raises `JournalError` for what is not one outcome for each group: nothing of it counts as stored."""
    if len(outcomes) != groups:
        raise JournalError(f"the journal's store returned {len(outcomes)} outcomes for {groups} groups")
    if outcomes.count(None) != groups:
        for outcome in outcomes:
            if not isinstance(cast(object, outcome), Exception | None):  # a store may be a stranger's
                raise JournalError(f"the journal's store returned the outcome {outcome!r}, which is no exception")
    return outcomes


def _settle(batch: Iterable[Write], outcomes: Sequence[AppendOutcome]) -> None:
    for write, outcome in zip(batch, outcomes, strict=True):
        try:
            write.done(outcome)
        except BaseException as error:
            if interrupts(error):
                raise
            # The other writes of the batch still wait for their outcomes.
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{write.done!r}, called after a write to the journal, raised", "exception": error}
            )
