"""Entities whose ids are stored: they start by themselves when their region does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from casty import (
    ActorSystem,
    Behavior,
    BehaviorError,
    Behaviors,
    CastyConfig,
    EventJournal,
    JournalUnavailableError,
    RegionRef,
    SqliteJournal,
)
from casty.behaviors.clustered import ShardedBehavior
from casty.config import JournalConfig
from casty.runtime.sharding.ids import shard_of
from casty.runtime.sharding.remembering import AT_ONCE, INTERVAL, REVIVED_AFTER, EntityForgotten, EntityRemembered
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.test_outages import AwayStore, journal_over
from tests.core.sharding.recording import Ctx, Question, Recording, stop_region

SHARDS = 3


class Starting(Recording):
    """Its entities keep a record of their starts as well."""

    def __init__(self) -> None:
        super().__init__()
        self.started_again = asyncio.Event()

    def __call__(self, entity_id: str) -> Behavior[Any]:
        behavior = super().__call__(entity_id)

        async def setup(ctx: Ctx) -> Behavior[Any]:
            self.seen.append(f"{entity_id} starts")
            if self.starts[entity_id] == 2:
                self.started_again.set()
            return behavior

        return Behaviors.setup(setup)

    def take(self) -> list[str]:
        taken, self.seen = sorted(self.seen), []
        return taken


def remembered(
    entities: Recording, journal: EventJournal | str | bool, passivate_after: float | None = None
) -> ShardedBehavior[Any]:
    return Behaviors.sharded(entities, num_shards=SHARDS, remember_entities=journal, passivate_after=passivate_after)


class Life:
    """A region that is stopped and spawned again."""

    def __init__(self, system: ActorSystem, clock: ManualClock, journal: EventJournal) -> None:
        self.entities = Starting()
        self._system = system
        self._clock = clock
        self._journal = journal
        self.region: RegionRef[Any] = self.spawn()

    def spawn(self) -> RegionRef[Any]:
        return self._system.spawn(remembered(self.entities, self._journal, passivate_after=60.0), "accounts")

    async def again(self) -> list[str]:
        """The starts of a new region of that name."""
        probe = TestProbe[Any](self._system)
        probe.watch(self.region)
        stop_region(self.region)
        await probe.expect_terminated(self.region)
        self.entities.take()
        self.region = self.spawn()
        await settle()
        await self._clock.advance(1)
        return self.entities.take()


@pytest.fixture
def store() -> AwayStore:
    return AwayStore()


@pytest.fixture
def life(system: ActorSystem, clock: ManualClock, store: AwayStore) -> Life:
    return Life(system, clock, journal_over(store))


async def test_remembered_entities_start_with_their_region(life: Life) -> None:
    for entity_id in ("alice", "bob", "a/b"):
        life.region.entity(entity_id).tell("hello")
    await settle()
    assert life.entities.take() == [
        *("a/b starts", "a/b.1 hello", "alice starts", "alice.1 hello", "bob starts", "bob.1 hello"),
    ]
    assert await life.again() == ["a/b starts", "alice starts", "bob starts"]
    assert await life.again() == ["a/b starts", "alice starts", "bob starts"]


async def test_an_entity_that_stops_by_its_own_wish_is_forgotten(life: Life) -> None:
    for entity_id in ("alice", "bob", "carol"):
        life.region.entity(entity_id).tell("stop")
    await settle()
    life.region.entity("bob").tell("hello")
    life.region.entity("carol").tell("stop")
    life.region.entity("carol").tell("again")
    await settle()
    assert await life.again() == ["bob starts", "carol starts"]


async def test_a_passivated_entity_is_remembered(life: Life, clock: ManualClock) -> None:
    life.region.entity("alice").tell("passivate")
    life.region.entity("bob").tell("hello")
    await settle()
    await clock.advance(100)
    assert life.entities.take() == ["alice starts", "alice.1 passivate", "bob starts", "bob.1 hello"]
    assert await life.again() == ["alice starts", "bob starts"]


async def test_an_entity_that_has_failed_is_started_again_after_a_while(life: Life, clock: ManualClock) -> None:
    life.region.entity("alice").tell("fail")
    await settle()
    life.entities.take()
    await clock.advance(REVIVED_AFTER - 1)
    assert life.entities.take() == []
    await clock.advance(1)
    assert life.entities.take() == ["alice starts"]
    assert await life.again() == ["alice starts"]


async def test_an_entity_handles_nothing_before_its_id_is_stored(
    life: Life, store: AwayStore, clock: ManualClock
) -> None:
    await settle()
    store.gate.clear()
    alice = life.region.entity("alice")
    alice.tell("one")
    question = asyncio.create_task(alice.ask(Question, timeout=3600))
    await settle()
    assert life.entities.take() == []
    impatient = asyncio.create_task(alice.ask(Question, timeout=1.0))
    await settle()
    await clock.advance(1.0)
    with pytest.raises(TimeoutError, match="it starts when its id is stored"):
        await impatient
    store.gate.set()
    assert await question == "alice.1"
    assert life.entities.take() == ["alice starts", "alice.1 one"]


async def test_an_outage_of_the_journal_delays_new_entities_and_no_others(
    life: Life, store: AwayStore, clock: ManualClock
) -> None:
    life.region.entity("alice").tell("one")
    await settle()
    life.entities.take()
    store.failure = JournalUnavailableError("it is away")
    for text in ("two", "three"):
        life.region.entity("alice").tell(text)
        life.region.entity("bob").tell(text)
        await settle()
    assert life.entities.take() == ["alice.1 three", "alice.1 two"]
    store.failure = None
    await clock.advance(60)
    assert life.entities.take() == ["bob starts", "bob.1 three", "bob.1 two"]
    assert await life.again() == ["alice starts", "bob starts"]


async def test_a_region_that_stops_during_an_outage_stops(life: Life, store: AwayStore, system: ActorSystem) -> None:
    store.failure = JournalUnavailableError("it is away")
    life.region.entity("alice").tell("one")
    await settle()
    probe = TestProbe[Any](system)
    probe.watch(life.region)
    stop_region(life.region)
    await probe.expect_terminated(life.region)
    assert life.entities.take() == []


async def test_many_remembered_entities_start_some_at_a_time(life: Life, clock: ManualClock) -> None:
    number = 3 * AT_ONCE
    for each in range(number):
        life.region.entity(f"entity-{each}").tell("hello")
    await settle()
    stop_region(life.region)
    await settle()
    life.entities.take()
    life.region = life.spawn()
    await settle()
    counts: list[int] = []
    for seconds in (0, INTERVAL, INTERVAL, INTERVAL):
        await clock.advance(seconds)
        counts.append(len(life.entities.take()))
    assert counts == [AT_ONCE, AT_ONCE, AT_ONCE, 0]


async def test_the_ids_are_events_of_the_shard(life: Life, store: AwayStore) -> None:
    life.region.entity("alice").tell("stop")
    await settle()
    journal = journal_over(store)
    events = await journal.load(f"shard/accounts/{shard_of('alice', SHARDS)}")
    assert [event.event for event in events] == [EntityRemembered("alice"), EntityForgotten("alice")]
    await journal.aclose()


async def test_the_configured_journal_remembers_across_processes(tmp_path: Path) -> None:
    entities = Starting()

    @asynccontextmanager
    async def process() -> AsyncGenerator[RegionRef[Any]]:
        config = CastyConfig(journal=JournalConfig(url=f"sqlite:///{tmp_path}/events.db"))
        async with ActorSystem(config=config) as system:
            yield system.spawn(remembered(entities, True), "accounts")

    async with process() as region:
        assert await region.entity("alice").ask(Question) == "alice.1"
    async with process() as region:
        await entities.started_again.wait()
        assert await region.entity("bob").ask(Question) == "bob.1"
    async with SqliteJournal(tmp_path / "events.db") as journal:
        ids = {entity_id async for entity_id in journal.entity_ids()}
    assert ids == {f"shard/accounts/{shard_of(entity_id, SHARDS)}" for entity_id in ("alice", "bob")}


def test_what_remembers_is_a_journal() -> None:
    with pytest.raises(BehaviorError, match="journal"):
        remembered(Recording(), "events.db")
