"""The memory store with one fault each, of the kinds that stores have whose owners have one entity each."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import override

from casty.errors import FencedError
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.spi.journal import AppendGroup, AppendOutcome, JournalCapabilities
from casty.spi.sequence import fenced

from tests.conformance.mutations import held

type Groups = Sequence[AppendGroup]
type Outcomes = Sequence[AppendOutcome]


class ForgetsTheHeldEpoch(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        try:
            return await super().claim(key, owner, epoch)
        except FencedError as error:
            raise FencedError(str(error)) from None


class TellsTheHeldEpochOfAnother(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        try:
            return await super().claim(key, owner, epoch)
        except FencedError as error:
            raise FencedError(str(error), held=min((held for _, held in self._fences.values()), default=0)) from None


class HasEpochsOf32Bits(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        return await super().claim(key, owner, None if epoch is None else epoch & 0xFFFF_FFFF)


class GivesAFenceToOneEntity(MemoryStore):
    """Remembers the first entity that was written under it."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: dict[tuple[str, int], str] = {}

    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes = list(await super().append(groups))
        for index, group in enumerate(groups):
            for record in group if group and group[0].epoch else ():
                if self.entities.setdefault((record.writer, record.epoch), record.entity_id) != record.entity_id:
                    outcomes[index] = fenced(record.entity_id, record.writer, record.epoch)
        return outcomes


class LooksAtTheFirstFenceOfABatch(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        first = next((record for group in groups for record in group if record.epoch), None)
        if first is None or not self._holds(first.writer, first.epoch):
            return await super().append(groups)
        alike = [[r._replace(writer=first.writer, epoch=first.epoch) for r in group] for group in groups]
        return await super().append(alike)


class LetsAnOwnerKeepWhatItHasBegun(MemoryStore):
    """Asks for the fence only at an entity's first event."""

    @override
    async def append(self, groups: Groups) -> Outcomes:
        known = {(r.writer, r.epoch) for events in self._events.values() for r in events}
        begun = [(group[0].writer, group[0].epoch) for group in groups if group and group[0].sequence_nr > 1]
        kept = [fence for fence in begun if fence in known]
        with held(self, kept):
            return await super().append(groups)


class ShutsOutByPrefix(MemoryStore):
    """As a pattern does that was meant to be a name."""

    @override
    def _holds(self, writer: str, epoch: int) -> bool:
        lost = [name for name in self.followed if writer.startswith(name)]
        return not lost and super()._holds(writer, epoch)

    def __init__(self) -> None:
        super().__init__()
        self.followed: set[str] = set()

    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        before = self._fences.get(key)
        granted = await super().claim(key, owner, epoch)
        if before is not None and before[0] != owner:
            self.followed.add(before[0])
        return granted


class RefusesAllOfAnOwner(MemoryStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        outcomes: list[AppendOutcome] = []
        refused: dict[str, Exception] = {}
        for group in groups:
            error = refused.get(group[0].writer) if group and group[0].epoch else None
            outcome = error or (await super().append([group]))[0]
            if outcome is not None and group:
                refused[group[0].writer] = outcome
            outcomes.append(outcome)
        return outcomes


class LetsAnOwnerComeBackToItsOldEpoch(MemoryStore):
    @override
    def _holds(self, writer: str, epoch: int) -> bool:
        return any(owner == writer and held >= epoch for owner, held in self._fences.values())


class CountsRepeatedClaims(MemoryStore):
    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        return await super().claim(key, owner, None if self._fences.get(key) == (owner, epoch) else epoch)


class LooksAtFencesEntityByEntity(MemoryStore):
    """So that a claim comes between two entities of one append, whose outcomes were decided before."""

    @override
    async def append(self, groups: Groups) -> Outcomes:
        found = {(r.writer, r.epoch) for group in groups for r in group if self._holds(r.writer, r.epoch)}
        outcomes: list[AppendOutcome] = []
        for group in groups:
            with held(self, found):
                outcomes += await super().append([group])
            if len(groups) > 10:
                await asyncio.sleep(0)
        return outcomes


class RefusesASecondAppendUnderAFence(MemoryStore):
    busy: frozenset[str] = frozenset()

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(CAPABILITIES, concurrent_appends=2)

    @override
    async def append(self, groups: Groups) -> Outcomes:
        before, writers = self.busy, {record.writer for group in groups for record in group if record.epoch}
        if writers & before:
            return [fenced(group[0].entity_id, group[0].writer, group[0].epoch) for group in groups]
        self.busy = before | writers
        await asyncio.sleep(0)
        self.busy = before
        return await super().append(groups)
