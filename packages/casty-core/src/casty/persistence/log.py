"""The logs that there are: over the open store of a journal of ours, or over any class with the four methods of
`EventJournal`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any, cast

from casty import entropy
from casty.errors import CastyError, EncodeError, JournalError, JournalOverloadedError
from casty.persistence.entity_log import Claim, Save, Settle
from casty.persistence.failing import as_journal_error
from casty.persistence.journal import OpenJournal, decoded
from casty.persistence.snapshots import newest_snapshot
from casty.persistence.turns import PageSize
from casty.persistence.writer import CAPACITY, Write
from casty.spi.event_journal import EventJournal, PersistedEvent, Snapshot
from casty.spi.journal import LAST_SEQUENCE_NR, DeletingStore, EventRecord, FencingStore, JournalKind, SnapshotRecord


class StoreLog:
    """Through the store's shared writer, so that the entities of a journal share its commits."""

    def __init__(self, entity_id: str, journal: OpenJournal, wall_time: Callable[[], float]) -> None:
        self._entity_id = entity_id
        self._store = journal.store
        self._writer = journal.writer
        self._permits = journal.permits
        self._serializers = journal.serializers
        self._encode = journal.serializers.events.encode
        self._serializer = journal.serializers.events.name
        # An event's id is this incarnation and the event's number: as unique as a random one, and cheaper.
        self._incarnation = entropy.source().token(8)
        self._name = self._incarnation.hex()
        self._wall_time = wall_time
        self._epoch = 0
        self._fence: tuple[str, str, int] | None = None
        """The claim to repeat where other processes may make theirs."""
        self._page_size = PageSize()
        self._waiting: Write | None = None
        """The last write, which takes more events as long as it waits for its turn."""

    async def take_over(self, claim: Claim | None = None) -> None:
        capabilities = self._store.capabilities
        if not capabilities.fencing:
            return
        store = cast("FencingStore", self._store)
        if claim is not None:
            # Also on a journal of this node alone: its events bear the epoch of the shard's owner.
            async with self._operation(f"claim {claim.key} for {self._entity_id}"):
                self._epoch = await store.claim(claim.key, claim.owner, claim.epoch)
            self._name = claim.owner
            key = claim.key
        elif capabilities.kind is JournalKind.centralized:
            key = f"entity/{self._entity_id}"
            async with self._operation(f"claim {self._entity_id}"):
                self._epoch = await store.claim(key, self._name)
        else:
            return
        if capabilities.kind is JournalKind.centralized:
            self._fence = key, self._name, self._epoch

    @property
    def is_contested(self) -> bool:
        return self._fence is not None

    async def confirm(self) -> None:
        if self._fence is not None:
            async with self._operation(f"confirm the owner of {self._entity_id}"):
                await cast("FencingStore", self._store).claim(*self._fence)

    async def load_snapshot(self) -> Snapshot[Any] | None:
        async with self._operation(f"load a snapshot of {self._entity_id}"):
            return await newest_snapshot(self._store, self._serializers, self._entity_id, LAST_SEQUENCE_NR)

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        limit = self._page_size.limit
        async with self._operation(f"load the events of {self._entity_id}"):
            records = await self._store.replay(self._entity_id, from_sequence_nr, LAST_SEQUENCE_NR, limit)
        self._page_size.seen(records)
        return (decoded(self._serializers, record) for record in records)

    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        now = self._wall_time()
        group: list[EventRecord] = []
        size = 0
        number = first
        for event in events:
            try:
                manifest, version, payload = self._encode(event)
            except EncodeError as error:
                error.add_note(f"This would be event {number} of the entity {self._entity_id!r}.")
                raise
            size += len(payload)
            event_id = self._incarnation + number.to_bytes(8)
            labels = tuple(tags[number - first]) if tags else ()
            origin = self._entity_id, number, self._epoch, self._name, event_id
            row = (*origin, manifest, version, payload, now, labels, self._serializer)
            group.append(EventRecord._make(row))  # in half the time of its constructor
            number += 1
        if self._waiting is None or not self._writer.join(self._waiting, group, size):
            self._waiting = self._writer.submit(group, lambda error: settle(group[-1].sequence_nr, error), size)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """None: the tasks of the writer belong to all of its logs."""
        return ()

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        serializer = self._serializers.snapshots
        try:
            manifest, version, payload = serializer.encode(state)
        except EncodeError as error:
            error.add_note(f"This would be the state of the entity {self._entity_id!r} at event {sequence_nr}.")
            raise
        now = self._wall_time()
        snapshot = SnapshotRecord(self._entity_id, sequence_nr, manifest, version, payload, now, serializer.name)

        async def save() -> None:
            async with self._permits:
                await self._store.save_snapshot(snapshot, keep)

        return save

    async def newest(self, initial: Any) -> tuple[int, Any]:
        async with self._operation(f"load the state of {self._entity_id}"):
            highest = await self._store.highest_sequence_nr(self._entity_id)
            # Without an upper bound: another writer may have stored a newer one meanwhile, and deleted that one.
            records = await self._store.replay(self._entity_id, highest, LAST_SEQUENCE_NR, 1)
        return (records[0].sequence_nr, decoded(self._serializers, records[0]).event) if records else (highest, initial)

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        return self.prepare_forgetting(sequence_nr - 1)

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        async def delete() -> None:
            if self._store.capabilities.deleting:
                store = cast("DeletingStore", self._store)
                async with self._permits:
                    await store.delete_events(self._entity_id, sequence_nr)

        return delete

    @asynccontextmanager
    async def _operation(self, what: str) -> AsyncGenerator[None]:
        async with self._permits:
            with as_journal_error(f"the journal failed to {what}"):
                yield


class PlainLog:
    """Through the public methods, one `persist` at a time; what arrives meanwhile is the next one."""

    def __init__(self, entity_id: str, journal: EventJournal, wall_time: Callable[[], float]) -> None:
        self._entity_id = entity_id
        self._journal = journal
        self._wall_time = wall_time
        self._queue: list[tuple[list[PersistedEvent[Any]], Settle]] = []
        self._writing: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def take_over(self, claim: Claim | None = None) -> None:
        """Nothing: these four methods know of no owners, and a conflict of numbers is all that can be noticed."""

    @property
    def is_contested(self) -> bool:
        return False

    async def confirm(self) -> None:
        """Nothing: see `take_over`."""

    async def load_snapshot(self) -> Snapshot[Any] | None:
        with as_journal_error(f"{type(self._journal).__name__} failed to load a snapshot of {self._entity_id}"):
            snapshot = await self._journal.load_snapshot(self._entity_id)
        return deepcopy(snapshot)

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        with as_journal_error(f"{type(self._journal).__name__} failed to load the events of {self._entity_id}"):
            events = await self._journal.load(self._entity_id, from_sequence_nr)
        return (deepcopy(event) for event in events)

    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        if len(self._queue) >= CAPACITY:
            raise JournalOverloadedError(
                f"{CAPACITY} writes of {self._entity_id!r} are waiting for the {type(self._journal).__name__}, and no "
                "more may; send fewer commands at once, or use a faster journal"
            )
        now = self._wall_time()
        # Copied, here and in the other direction: such a journal may keep objects, and so need not notice that a state
        # or an event is changed later on, in place.
        numbered = [PersistedEvent(number, event, now) for number, event in enumerate(deepcopy(list(events)), first)]
        self._queue.append((numbered, settle))
        if self._writing is None:
            # A task's own constructor: an eager task factory would run `settle` in here.
            self._writing = asyncio.Task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue, []
                events, settle = batch[-1]
                try:
                    # What follows a failed write would leave a gap, and such a journal need not notice.
                    if self._failure is None:
                        self._failure = await self._persist([event for numbered, _ in batch for event in numbered])
                except BaseException:
                    self._failure = JournalError("the write was cancelled; whether its events are stored is unknown")
                    raise
                finally:
                    settle(events[-1].sequence_nr, self._failure)
        finally:
            self._writing = None

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        return () if self._writing is None else (self._writing,)

    async def _persist(self, events: Sequence[PersistedEvent[Any]]) -> Exception | None:
        try:
            with as_journal_error(f"{type(self._journal).__name__} failed to persist {self._entity_id}"):
                await self._journal.persist(self._entity_id, events)
        except CastyError as error:
            return error
        return None

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        snapshot = Snapshot(sequence_nr, deepcopy(state), self._wall_time())

        async def save() -> None:
            await self._journal.save_snapshot(self._entity_id, snapshot)

        return save

    async def newest(self, initial: Any) -> tuple[int, Any]:
        snapshot = await self.load_snapshot()
        number, state = (0, initial) if snapshot is None else (snapshot.sequence_nr, snapshot.state)
        with as_journal_error(f"{type(self._journal).__name__} failed to load the state of {self._entity_id}"):
            events = deepcopy((await self._journal.load(self._entity_id, number + 1))[-1:])
        return (events[-1].sequence_nr, events[-1].event) if events else (number, state)

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        """These four methods delete nothing, but a snapshot keeps `newest` from reading what is before it."""
        return self.prepare_snapshot(sequence_nr, state, keep=1)

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        async def keep() -> None:
            """There is no method that deletes."""

        return keep
