"""Which stores are asked to fence an entity: those that several nodes share."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import override

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.journal import StoreJournal
from casty.spi.journal import AppendGroup, AppendOutcome, JournalCapabilities, JournalKind
from casty.testing import TestProbe


class Store(MemoryStore):
    """One that keeps what it is asked for."""

    __slots__ = ("claims", "epochs", "promised")

    def __init__(self, promised: JournalCapabilities) -> None:
        super().__init__()
        self.promised = promised
        self.claims: list[str] = []
        self.epochs: list[int] = []

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return self.promised

    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        self.claims.append(key)
        return await super().claim(key, owner, epoch)

    @override
    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        self.epochs += [record.epoch for group in groups for record in group]
        return await super().append(groups)


@pytest.mark.parametrize(
    ("kind", "fencing", "claims", "epochs"),
    [
        (JournalKind.centralized, True, ["entity/a"], [1]),
        (JournalKind.centralized, False, [], [0]),
        (JournalKind.local, True, [], [0]),
        (JournalKind.local, False, [], [0]),
    ],
)
async def test_only_a_centralized_fencing_store_is_claimed(
    kind: JournalKind, fencing: bool, claims: list[str], epochs: list[int]
) -> None:
    capabilities = replace(CAPABILITIES, kind=kind, fencing=fencing)
    store = Store(capabilities)
    journal = StoreJournal(lambda: nullcontext(store), capabilities=capabilities)
    async with ActorSystem() as system:
        probe = TestProbe[int](system)

        def added(state: int, event: int) -> int:
            return state + event

        async def on_command(ctx: ActorContext[int], state: int, command: int) -> Behavior[int]:
            probe.ref.tell(state + command)
            return Behaviors.persisted([command])

        behavior = Behaviors.event_sourced(
            entity_id="a",
            initial_state=0,
            on_event=added,
            on_command=on_command,
            journal=journal,
        )
        system.spawn(behavior).tell(1)
        assert await probe.receive() == 1
    assert (store.claims, store.epochs) == (claims, epochs)
