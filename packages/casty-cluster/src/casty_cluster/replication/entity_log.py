"""The log of an entity whose history is kept by the copies of its shard.

Events are appended to the history of the primary's copy, and count as durable when enough copies have them. A snapshot
takes the place of the events before it, in all copies. Nothing is written under the entity's own name in the journal.
"""

import logging
from asyncio import Task
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, final

from casty.errors import EncodeError, FencedError, JournalError, ReplicationTimeoutError, SerializationError
from casty.extension import Claim, EntityLog, LogRequest, Save, Serializers, Settle
from casty.interruption import described
from casty.spi.event_journal import PersistedEvent, Snapshot

from casty_cluster.protocol.replication.history import end_of
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.replication.payloads import to_event, to_payload, to_snapshot
from casty_cluster.wire.replication import Epoch

logger = logging.getLogger("casty.replication")

WHY: Final = "it is not the primary of its shard at the epoch at which it has started"

ADVICE: Final = "run the version of the program that has saved it, or give the type of its state an upcaster"


@final
class ReplicatedLog(EntityLog):
    """For one start of an entity, at one epoch of its shard."""

    def __init__(self, request: LogRequest, copy: HostedCopy, epoch: Epoch, serializers: Serializers) -> None:
        self._entity = request.entity_id
        self._wall_time = request.wall_time
        self._copy = copy
        self._epoch = epoch
        self._serializers = serializers

    async def take_over(self, claim: Claim | None = None) -> None:
        """Wait for the events of an earlier start: what the entity recovers must be stored by enough copies."""
        await self._copy.settled(self._entity)
        self._check()

    async def load_snapshot(self) -> Snapshot[Any] | None:
        return await self._snapshot(replaces=1)

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        entries = await self._copy.read_events(self._entity, from_sequence_nr - 1)
        self._check()
        return (
            to_event(self._serializers, self._entity, number, entry.payload)
            for number, entry in enumerate(entries, from_sequence_nr)
        )

    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        self._check()
        now = self._wall_time()
        payloads = list[bytes]()
        for index, event in enumerate(events):
            try:
                payloads.append(to_payload(self._serializers.events, event, now, tags[index] if tags else ()))
            except EncodeError as error:
                error.add_note(f"This would be event {first + index} of the entity {self._entity!r}.")
                raise
        self._copy.append(self._entity, first - 1, tuple(payloads), settle)

    @property
    def tasks(self) -> Collection[Task[None]]:
        """None: copies are written by a task of their own."""
        return ()

    @property
    def is_contested(self) -> bool:
        return True

    async def confirm(self) -> None:
        """Ask other copies. Raises `ReplicationTimeoutError` while too few of them reply."""
        self._check()
        try:
            await self._copy.confirm(self._entity)
        except ReplicationTimeoutError:
            self._check()
            raise

    async def newest(self, initial: Any) -> tuple[int, Any]:
        last = self._copy.last(self._entity)
        if last and self._copy.snapshot(self._entity) == last:
            snapshot = await self._snapshot(replaces=last)
            if snapshot is not None:
                return snapshot.sequence_nr, snapshot.state
        found = [*await self.replay(last)] if last else []
        return (found[-1].sequence_nr, found[-1].event) if found else (last, initial)

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        """Copies keep one state, whatever `keep` says: each costs as much as the entity's events may."""
        try:
            payload = to_payload(self._serializers.snapshots, state, self._wall_time())
        except EncodeError as error:
            error.add_note(f"This would be the state of the entity {self._entity!r} at event {sequence_nr}.")
            raise

        async def save() -> None:
            if self._copy.active == self._epoch:
                self._copy.save_snapshot(self._entity, sequence_nr, payload)

        return save

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        """The snapshot has taken the place of the events."""
        return _nothing

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        return self.prepare_snapshot(sequence_nr, state, keep=1)

    async def _snapshot(self, replaces: int) -> Snapshot[Any] | None:
        """The entity's state that this copy has. Where it cannot be read any more: None, if the events from `replaces`
        on are still there, as a snapshot is a shortcut as long as they are.
        """
        if not self._copy.snapshot(self._entity):
            return None
        found = await self._copy.read_snapshot(self._entity)
        self._check()
        if found is None:
            return None
        number = end_of(found.lineage).sequence_nr
        try:
            return to_snapshot(self._serializers, self._entity, number, found.state)
        except SerializationError as error:
            await self._fall_back(replaces, number, error)
            return None

    async def _fall_back(self, first: int, number: int, error: SerializationError) -> None:
        """Raises `JournalError` unless the events that a snapshot has replaced are there."""
        try:
            await self._copy.read_events(self._entity, first - 1)
        except JournalError as missing:
            raise JournalError(
                f"the snapshot of {self._entity!r} at event {number} cannot be read, and {missing}: "
                f"{described(error)}; {ADVICE}"
            ) from error
        logger.warning(
            "the snapshot of %r at event %d cannot be read, so the events before it are: %s; they are kept for a while "
            "only: %s",
            self._entity,
            number,
            described(error),
            ADVICE,
        )

    def _check(self) -> None:
        if self._copy.active != self._epoch:
            raise FencedError(f"{self._entity!r} cannot be read or written here: {WHY}")


async def _nothing() -> None:
    """See `prepare_forgetting`."""
