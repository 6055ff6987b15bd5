"""A shard of entities under one fence, which a feature claims for them with the epoch that a coordinator gave."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, override

import pytest
from casty import ActorRestarted, ActorSystem, Behaviors, DeadLetter, OneForOneStrategy
from casty.errors import ArgumentError, FencedError
from casty.journal import StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.entity_log import Claim, EntityLog, LogFactory, LogRequest, WrappedLog
from casty.spi.journal import JournalCapabilities, JournalKind
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, adding, ledger
from tests.core.runtime.probe import Events

EPOCH = 3 << 32
KEY = "shard/ledgers/1"
FIRST, NEXT = Claim(KEY, "one/ledgers/1", EPOCH), Claim(KEY, "two/ledgers/1", EPOCH + 1)
NAMES = ("a", "b", "c")


class Store(MemoryStore):
    """Memory that notes its claims, and says of itself what its test wants."""

    def __init__(self, **capabilities: Any) -> None:
        super().__init__()
        self.claims: list[tuple[str, str, int | None]] = []
        self.promised = replace(CAPABILITIES, **capabilities)

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return self.promised

    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        self.claims.append((key, owner, epoch))
        return await super().claim(key, owner, epoch)

    async def written(self) -> set[tuple[str, int]]:
        """The writers and epochs of all events."""
        return {(event.writer, event.epoch) for name in NAMES for event in await self.replay(name, 1, 99, 99)}


def journal_on(store: Store) -> StoreJournal:
    return StoreJournal(lambda: nullcontext(store), capabilities=store.capabilities)


class Shard:
    """What a shard's owner puts around the logs of its entities."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.refused: list[FencedError] = []

    def wrapping(self, make: LogFactory) -> LogFactory:
        async def log_of(request: LogRequest) -> EntityLog:
            log = await make(request)
            return ShardLog(log, self) if request.actor in {f"/{name}" for name in NAMES} else log

        return log_of


class ShardLog(WrappedLog):
    def __init__(self, log: EntityLog, shard: Shard) -> None:
        super().__init__(log)
        self.shard = shard

    @override
    async def take_over(self, claim: Claim | None = None) -> None:
        try:
            await super().take_over(self.shard.claim)
        except FencedError as error:
            self.shard.refused.append(error)
            raise


async def say(system: ActorSystem, journal: Any, text: str, names: Sequence[str] = NAMES) -> list[str]:
    """Spawn ledgers where they are not there yet, and tell each of them; their states."""
    answers: list[str] = []
    for name in names:
        ref = system.lookup(f"/{name}") or system.spawn(ledger(journal, entity_id=name), name)
        answers.append(await system.ask(ref, adding(text)))
    return answers


async def test_all_entities_of_a_shard_are_written_under_its_fence() -> None:
    store = Store(kind=JournalKind.centralized)
    async with ActorSystem() as system:
        system.kernel.journals.wrap(Shard(FIRST).wrapping)
        assert await say(system, journal_on(store), "x") == ["x", "x", "x"]
        assert await system.ask(system.spawn(ledger(journal_on(store), entity_id="d"), "apart"), adding("x")) == "x"
    assert await store.written() == {(FIRST.owner, EPOCH)}
    assert store.claims[:3] == [(KEY, FIRST.owner, EPOCH)] * 3
    assert store.claims[3][0] == "entity/d"


async def test_a_new_owner_of_a_shard_shuts_out_the_old_one_from_all_its_entities() -> None:
    store = Store(kind=JournalKind.centralized)
    journal, shard, clock = journal_on(store), Shard(FIRST), ManualClock()
    async with ActorSystem("one", clock=clock) as one, ActorSystem("two") as two:
        one.kernel.journals.wrap(shard.wrapping)
        two.kernel.journals.wrap(Shard(NEXT).wrapping)
        await say(one, journal, "1")
        assert await say(two, journal, "2", ["a"]) == ["12"], "one entity is enough to claim the shard"
        probe, lost = TestProbe[str](one), Events(one, DeadLetter)
        for name in NAMES:
            ref = one.lookup(f"/{name}")
            assert ref is not None
            ref.tell(Add("stale", probe.ref))
        await settle()
        assert await probe.receive_all() == []
        assert len(lost.seen) == 3
        assert await say(two, journal, "2") == ["122", "12", "12"]
        # Nor does the old owner serve their old states: the fence is looked at whenever one of them starts.
        await clock.advance(10.0)
        assert len(shard.refused) >= 3
        assert {error.held for error in shard.refused} == {EPOCH + 1}
        assert await probe.receive_all() == []
    assert await store.written() == {(FIRST.owner, EPOCH), (NEXT.owner, EPOCH + 1)}


async def test_an_entity_that_restarts_under_its_shards_fence_goes_on() -> None:
    store = Store(kind=JournalKind.centralized)
    async with ActorSystem() as system:
        system.kernel.journals.wrap(Shard(FIRST).wrapping)
        restarts = Events(system, ActorRestarted)

        def add(state: str, event: str) -> str:
            if event == "boom":
                raise ValueError(event)
            return state + event

        fragile = ledger(journal_on(store), on_event=add, entity_id="a")
        ref = system.spawn(Behaviors.supervise(fragile, OneForOneStrategy()), "a")
        assert await system.ask(ref, adding("x")) == "x"
        ref.tell(Add("boom", TestProbe[str](system).ref))
        await restarts.receive()
        assert await system.ask(ref, adding("y")) == "xy"
    assert await store.written() == {(FIRST.owner, EPOCH)}


async def test_a_claim_holds_in_a_journal_of_this_node_alone_as_well() -> None:
    store = Store(kind=JournalKind.local)
    async with ActorSystem() as system:
        await say(system, journal_on(store), "x", ["a"])
        assert store.claims == []
        system.kernel.journals.wrap(Shard(FIRST).wrapping)
        await say(system, journal_on(store), "x", ["b"])
    assert await store.written() == {(FIRST.owner, EPOCH), (store._log[0].writer, 0)}


@pytest.mark.parametrize("kind", JournalKind)
async def test_where_nothing_fences_a_claim_changes_nothing(kind: JournalKind) -> None:
    store, plain = Store(kind=kind, fencing=False), HandJournal()
    async with ActorSystem() as system:
        system.kernel.journals.wrap(Shard(FIRST).wrapping)
        assert await say(system, journal_on(store), "x", ["a"]) == ["x"]
        assert await say(system, plain, "y", ["b"]) == ["y"]
    assert store.claims == []
    assert [epoch for _, epoch in await store.written()] == [0]
    assert plain.stored() == ["y"]


@pytest.mark.parametrize(
    "values",
    [
        *(("k", "o", epoch) for epoch in (0, -1, 2**63, True, 1.0, "1", None)),
        *(("k", owner, 1) for owner in ("", "a\0b", None, 7, b"o")),
        *((key, "o", 1) for key in ("", "a\0b", None)),
    ],
    ids=repr,
)
def test_a_claim_that_no_store_could_hold_is_refused(values: tuple[Any, Any, Any]) -> None:
    with pytest.raises(ArgumentError, match="a claim's"):
        Claim(*values)
