"""The memory store with one fault each, of the kinds that stores really have."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import override

from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalCapabilities, SnapshotRecord

from tests.conformance.mutations import held

type Groups = Sequence[AppendGroup]
type Outcomes = Sequence[AppendOutcome]


class DropsTheLastEvent(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        return await super().append([group[:-1] if len(group) > 1 else group for group in groups])


class AcknowledgesBeforeStoring(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        self.storing = asyncio.ensure_future(super().append(groups))
        return [None] * len(groups)


class ReversesGroups(MemoryStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        return [*await super().replay(entity_id, from_sequence_nr, to_sequence_nr, limit)][::-1]


class ForgetsTags(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        return await super().append([[record._replace(tags=record.tags[:1]) for record in group] for group in groups])


class ForgetsConflicts(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        await super().append(groups)
        return [None] * len(groups)


class AcceptsGaps(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes = list(await super().append(groups))
        for index, group in enumerate(groups):
            events = self._events.setdefault(group[0].entity_id, []) if group else []
            if group and outcomes[index] is not None and group[0].sequence_nr > len(events) + 1:
                events.extend(group)
                outcomes[index] = None
        return outcomes


class TearsGroups(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes: list[AppendOutcome] = []
        for group in groups:
            told = [(await super(TearsGroups, self).append([[record]]))[0] for record in group]
            outcomes.append(next((outcome for outcome in told if outcome is not None), None))
        return outcomes


class PunishesNeighbours(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        events = {entity_id: list(records) for entity_id, records in self._events.items()}
        outcomes = await super().append(groups)
        refusals = [outcome for outcome in outcomes if outcome is not None]
        if refusals:
            self._events = events
            return refusals[:1] * len(groups)
        return outcomes


class ForgetsRefusals(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        return [(await super(ForgetsRefusals, self).append([group]))[0] for group in groups]


class StoresRepetitions(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        before = len(self._log)
        outcomes = await super().append(groups)
        new = {record.event_id for record in self._log[before:]}
        for group, outcome in zip(groups, outcomes, strict=True):
            if outcome is None and group and group[0].event_id not in new:
                self._enter(group)
        return outcomes


class RefusesRepetitions(MemoryStore):
    @override
    def _event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        return None


class TakesNumbersForIds(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        alike = [[r._replace(event_id=r.sequence_nr.to_bytes(16)) for r in group] for group in groups]
        return await super().append(alike)


class MixesSnapshots(MemoryStore):
    @override
    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        found = await super().load_snapshot(entity_id, to_sequence_nr)
        for other in self._snapshots if found is None else ():
            found = found or await super().load_snapshot(other, to_sequence_nr)
        return found


class MixesEntities(MemoryStore):
    """As a column does whose collation ignores case."""

    @override
    async def append(self, groups: Groups) -> Outcomes:
        return await super().append([[r._replace(entity_id=r.entity_id.lower()) for r in group] for group in groups])


class IgnoresTheUpperBound(MemoryStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        return await super().replay(entity_id, from_sequence_nr, 2**63 - 1, limit)


class IgnoresTheLimit(MemoryStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        return await super().replay(entity_id, from_sequence_nr, to_sequence_nr, 2**63 - 1)


class StoresHalfWhenCancelled(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await super().append([group[: len(group) // 2] for group in groups])
            raise
        return await super().append(groups)


class StoresTheLastAppendOnly(MemoryStore):
    groups: Groups = ()

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(CAPABILITIES, concurrent_appends=2)

    @override
    async def append(self, groups: Groups) -> Outcomes:
        self.groups = groups
        await asyncio.sleep(0)
        return await super().append(self.groups)


class RefusesWhatIsBesideARefusal(MemoryStore):
    refusals: Outcomes = ()

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(CAPABILITIES, concurrent_appends=2)

    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes = await super().append(groups)
        beside = self.refusals
        self.refusals = [outcome for outcome in outcomes if outcome is not None]
        await asyncio.sleep(0)
        self.refusals = ()
        return [beside[0]] * len(groups) if beside else outcomes


class ShowsHalfGroups(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        await super().append([group[:1] for group in groups])
        await asyncio.sleep(0)
        for group in groups:
            if group:
                self._events.pop(group[0].entity_id, None)
                self._log = [record for record in self._log if record.entity_id != group[0].entity_id]
                self._offsets = self._offsets[: len(self._log)]
        return await super().append(groups)


class LetsSnapshotsGoBack(MemoryStore):
    @override
    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        self._snapshots.setdefault(snapshot.entity_id, {})
        for newer in [n for n in self._snapshots[snapshot.entity_id] if n > snapshot.sequence_nr]:
            del self._snapshots[snapshot.entity_id][newer]
        await super().save_snapshot(snapshot, keep)


class KeepsAllSnapshots(MemoryStore):
    @override
    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        await super().save_snapshot(snapshot, 1_000)


class IgnoresEpochs(MemoryStore):
    @override
    def _holds(self, writer: str, epoch: int) -> bool:
        return True


class IgnoresWriters(MemoryStore):
    @override
    def _holds(self, writer: str, epoch: int) -> bool:
        return any(held == epoch for _, held in self._holders)


class GrantsLowClaims(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        fence = self._fences.get(key)
        return await super().claim(key, owner, None if fence is not None and epoch in range(fence[1]) else epoch)


class HasOneFence(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        return await super().claim("the one", owner, epoch)


class ClaimsWithoutWaiting(MemoryStore):
    """Looks at the fence when an append begins, and stores a little later."""

    @override
    async def append(self, groups: Groups) -> Outcomes:
        found = {(r.writer, r.epoch) for group in groups for r in group if self._holds(r.writer, r.epoch)}
        for _ in range(3):
            await asyncio.sleep(0)
        with held(self, found):
            return await super().append(groups)


class DeletesNothing(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        pass


class CountsWhatIsDeletedInTheLimit(MemoryStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        return await super().replay(entity_id, from_sequence_nr, min(to_sequence_nr, from_sequence_nr + limit), limit)


class BeginsAgainAtOne(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        if not self._events.get(entity_id):
            self._deleted.pop(entity_id, None)


class TakesTheBoundForTheHighest(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        if entity_id in self._deleted and not self._events[entity_id]:
            self._deleted[entity_id] = to_sequence_nr


class RemembersTheLastBoundOnly(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        if self._events.get(entity_id):
            self._deleted[entity_id] = max(to_sequence_nr, 0)


class RemembersWhatWasNeverThere(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        self._deleted.setdefault(entity_id, to_sequence_nr)


class DeletesByPrefix(MemoryStore):
    """As a pattern does that was meant to be a name."""

    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        for other in [other for other in self._events if other.startswith(entity_id)]:
            await super().delete_events(other, to_sequence_nr)


class AcknowledgesDeletedNumbers(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes = await super().append(groups)
        return [
            None if group and group[-1].sequence_nr <= self._deleted.get(group[0].entity_id, 0) else outcome
            for group, outcome in zip(groups, outcomes, strict=True)
        ]


class DeletesSnapshotsToo(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        self._snapshots.pop(entity_id, None)


class DeletesOneByOne(MemoryStore):
    """From the newest on, and others have their turns meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[tuple[str, int]] = set()

    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        last = min(to_sequence_nr, await self.highest_sequence_nr(entity_id))
        for number in range(last, self._deleted.get(entity_id, 0), -1):
            self.hidden.add((entity_id, number))
            await asyncio.sleep(0)
        await super().delete_events(entity_id, to_sequence_nr)

    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        found = await super().replay(entity_id, from_sequence_nr, to_sequence_nr, limit)
        return [record for record in found if (entity_id, record.sequence_nr) not in self.hidden]


class ReadsWhatIsDeleted(MemoryStore):
    @override
    def _is_there(self, record: EventRecord) -> bool:
        return True


class GivesOffsetsAgain(MemoryStore):
    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await super().delete_events(entity_id, to_sequence_nr)
        self._last_offset = self._offsets[-1] if self._offsets else 0


class RenumbersWhatIsLeft(MemoryStore):
    @override
    def _sweep(self) -> None:
        super()._sweep()
        self._offsets = [*range(1, len(self._log) + 1)]
