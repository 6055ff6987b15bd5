"""The log of an entity whose history is kept by the copies of its shard.

Events are appended to the history of the primary's copy, and count as durable when enough copies have them. Snapshots
are not taken: recovery replays the history. Nothing is written under the entity's own name in the journal.
"""

from asyncio import Task
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, final

from casty.errors import EncodeError, FencedError, ReplicationTimeoutError
from casty.extension import Claim, EntityLog, LogRequest, Save, Serializers, Settle
from casty.spi.event_journal import PersistedEvent, Snapshot

from casty_cluster.replication.event_records import to_event, to_payload
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.wire.replication import Epoch

WHY: Final = "it is not the primary of its shard at the epoch at which it has started"


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
        return None

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        entries = await self._copy.read(self._entity, from_sequence_nr - 1)
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
                payloads.append(to_payload(self._serializers, event, now, tags[index] if tags else ()))
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
        found = [*await self.replay(last)] if last else []
        return (found[-1].sequence_nr, found[-1].event) if found else (last, initial)

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        return _nothing

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        return _nothing

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        return _nothing

    def _check(self) -> None:
        if self._copy.active != self._epoch:
            raise FencedError(f"{self._entity!r} cannot be read or written here: {WHY}")


async def _nothing() -> None:
    """Histories are kept whole."""
