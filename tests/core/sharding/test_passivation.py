"""Entities that stop until their next message, and what arrives while they do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from casty import (
    ActorFailedError,
    ActorRef,
    ActorSystem,
    Behavior,
    BehaviorError,
    Behaviors,
    DeadLetter,
    InMemoryJournal,
    RegionRef,
)
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Events, nothing
from tests.core.runtime.stubborn import hasty_config, stubborn
from tests.core.sharding.recording import Ctx, Message, Question, Recording, remembering_texts, stop_region

IDLE = 60.0


class Slow:
    """Stops only when its gate opens, and keeps a record of its stops."""

    def __init__(self, entities: Recording) -> None:
        self._entities = entities
        self.gate = asyncio.Event()

    def __call__(self, entity_id: str) -> Behavior[Message]:
        async def post_stop(ctx: Ctx) -> None:
            await self.gate.wait()
            self._entities.seen.append(f"{entity_id} stopped")

        return Behaviors.with_lifecycle(self._entities(entity_id), post_stop=post_stop)


async def test_an_idle_entity_is_passivated_and_starts_again(system: ActorSystem, clock: ManualClock) -> None:
    entities = Recording()
    alice = system.spawn(Behaviors.sharded(entities, passivate_after=IDLE)).entity("alice")
    alice.tell("one")
    await clock.advance(IDLE - 1)
    alice.tell("two")
    await clock.advance(IDLE - 1)
    alice.tell("three")
    await clock.advance(IDLE)
    alice.tell("four")
    await settle()
    assert entities.seen == ["alice.1 one", "alice.1 two", "alice.1 three", "alice.2 four"]


async def test_each_entity_is_passivated_in_its_own_time(system: ActorSystem, clock: ManualClock) -> None:
    stopped: list[str] = []

    def factory(entity_id: str) -> Behavior[Any]:
        async def post_stop(ctx: Ctx) -> None:
            stopped.append(entity_id)

        return Behaviors.with_lifecycle(Behaviors.receive(nothing), post_stop=post_stop)

    region = system.spawn(Behaviors.sharded(factory, passivate_after=IDLE))
    for entity_id in ("a", "b", "c"):
        region.entity(entity_id).tell("hello")
        await clock.advance(1)
    region.entity("a").tell("hello")
    await clock.advance(IDLE - 2)
    assert stopped == ["b"]
    await clock.advance(1)
    assert stopped == ["b", "c"]
    await clock.advance(1)
    assert stopped == ["b", "c", "a"]


@pytest.mark.parametrize("busy", ["suspended", "stashing", "piping"])
async def test_a_busy_entity_is_not_passivated(system: ActorSystem, clock: ManualClock, busy: str) -> None:
    gate = asyncio.Event()
    actions: dict[str, Callable[[Ctx], object]] = {
        "suspended": lambda ctx: gate.wait(),
        "stashing": lambda ctx: ctx.stash("later"),
        "piping": lambda ctx: ctx.pipe_to_self(gate.wait(), lambda _: "piped"),
        "unstash": lambda ctx: ctx.unstash_all(),
    }
    entities = Recording(**actions)
    alice = system.spawn(Behaviors.sharded(entities, passivate_after=IDLE)).entity("alice")
    alice.tell(busy)
    await clock.advance(10 * IDLE)
    gate.set()
    await settle()
    alice.tell("unstash")
    await settle()
    assert entities.starts["alice"] == 1
    await clock.advance(2 * IDLE)
    alice.tell("end")
    await settle()
    assert entities.starts["alice"] == 2


async def test_what_an_entity_tells_itself_keeps_it_not_active(system: ActorSystem, clock: ManualClock) -> None:
    entities = Recording(start=lambda ctx: ctx.timers.start("beat", "beat", every=11.0))
    alice = system.spawn(Behaviors.sharded(entities, passivate_after=IDLE)).entity("alice")
    alice.tell("start")
    await clock.advance(10 * IDLE)
    assert entities.seen == ["alice.1 start", *["alice.1 beat"] * 5]


async def test_beyond_the_limit_the_least_recently_used_are_passivated(system: ActorSystem, clock: ManualClock) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities, limit=2))
    for entity_id in ("a", "b", "a", "c", "a", "b"):
        region.entity(entity_id).tell("hello")
        await clock.advance(0)
    assert entities.seen == ["a.1 hello", "b.1 hello", "a.1 hello", "c.1 hello", "a.1 hello", "b.2 hello"]


async def test_a_flood_of_new_entities_ends_within_the_limit(system: ActorSystem, clock: ManualClock) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities, limit=10, num_shards=4), "accounts")
    for number in range(2_000):
        region.entity(f"entity-{number}").tell("hello")
    for _ in range(20):
        await clock.advance(1)
    assert len(entities.seen) == 2_000
    shards = [system.lookup(f"/accounts/{number}") for number in range(4)]
    active = str(system.snapshot()).count("/entity-")
    assert all(shards)
    assert active == 10


async def test_entities_that_are_all_busy_may_exceed_the_limit_until_one_is_idle(
    system: ActorSystem, clock: ManualClock
) -> None:
    gate = asyncio.Event()
    entities = Recording(wait=lambda ctx: gate.wait())
    region = system.spawn(Behaviors.sharded(entities, limit=1))
    for entity_id in ("a", "b"):
        region.entity(entity_id).tell("wait")
    await clock.advance(10)
    gate.set()
    await settle()
    await clock.advance(1)
    for entity_id in ("b", "a"):
        region.entity(entity_id).tell("again")
        await clock.advance(1)
    assert sorted(entities.seen[2:]) in (
        ["a.2 again", "b.1 again"],
        ["a.1 again", "b.2 again"],
        ["a.2 again", "b.2 again"],
    )


async def test_a_passivated_entity_handles_what_waits_after_its_next_start(system: ActorSystem) -> None:
    entities = Recording(stash=lambda ctx: ctx.stash("stashed"))
    alice = system.spawn(Behaviors.sharded(entities)).entity("alice")
    for text in ("one", "stash", "passivate", "two", "three"):
        alice.tell(text)
    await settle()
    assert entities.seen == [
        *("alice.1 one", "alice.1 stash", "alice.1 passivate"),
        *("alice.2 stashed", "alice.2 two", "alice.2 three"),
    ]


async def test_messages_that_arrive_while_an_entity_stops_wait_for_its_next_incarnation(system: ActorSystem) -> None:
    entities = Recording()
    slow = Slow(entities)
    alice = system.spawn(Behaviors.sharded(slow)).entity("alice")
    alice.tell("passivate")
    alice.tell("one")
    await settle()
    alice.tell("two")
    question = asyncio.create_task(alice.ask(Question, timeout=3600))
    await settle()
    alice.tell("three")
    assert entities.seen == ["alice.1 passivate"]
    with pytest.raises(TimeoutError, match="it starts when its earlier incarnation has stopped"):
        await alice.ask(Question, timeout=0.0)
    slow.gate.set()
    assert await question == "alice.2"
    await settle()
    assert entities.seen == ["alice.1 passivate", "alice stopped", "alice.2 one", "alice.2 two", "alice.2 three"]


@pytest.mark.parametrize("end", ["stop", "fail"])
async def test_what_an_entity_leaves_unread_when_it_ends_is_handled_by_the_next(system: ActorSystem, end: str) -> None:
    entities = Recording()
    letters = Events(system, DeadLetter)
    alice = system.spawn(Behaviors.sharded(entities)).entity("alice")
    for text in ("one", end, "two", end, "three"):
        alice.tell(text)
    await settle()
    assert entities.seen == ["alice.1 one", f"alice.1 {end}", "alice.2 two", f"alice.2 {end}", "alice.3 three"]
    assert not letters.seen


async def test_an_ask_that_moves_to_the_next_incarnation_fails_with_it(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def stop_later(ctx: Ctx) -> Behavior[Message]:
        await gate.wait()
        return Behaviors.stopped()

    alice = system.spawn(Behaviors.sharded(Recording(stop_later=stop_later))).entity("alice")
    alice.tell("stop_later")
    same: asyncio.Future[Question] = asyncio.get_running_loop().create_future()

    def failing(reply_to: ActorRef[str]) -> Message:
        if not same.done():
            same.set_result(Question(reply_to, "fail"))
        return same.result()

    asks = [asyncio.create_task(alice.ask(failing, timeout=3600)) for _ in range(2)]  # both send the same message
    await settle()
    assert not any(each.done() for each in asks)
    gate.set()
    for each in asks:
        with pytest.raises(ActorFailedError, match="failed on Question"):
            await each


async def test_an_entity_that_ignores_its_cancellation_is_replaced() -> None:
    async with stubborn() as code, ActorSystem(config=hasty_config()) as system:

        def hang(ctx: Ctx) -> Awaitable[Any]:
            ctx.passivate()
            return code.wait()

        entities = Recording(hang=hang)
        alice = system.spawn(Behaviors.sharded(entities)).entity("alice")
        alice.tell("hang")
        alice.tell("waits")
        assert await alice.ask(Question) == "alice.2"
        assert entities.seen == ["alice.1 hang", "alice.2 waits"]
        assert code.cancelled


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, type("Odd", (BaseException,), {})])
async def test_an_entity_that_raises_anything_at_all_is_replaced(
    system: ActorSystem, error: type[BaseException]
) -> None:
    def raising(ctx: Ctx) -> None:
        raise error

    entities = Recording(odd=raising)
    alice = system.spawn(Behaviors.sharded(entities)).entity("alice")
    alice.tell("odd")
    alice.tell("after")
    await settle()
    assert entities.seen == ["alice.1 odd", "alice.2 after"]


async def test_a_passivated_entity_recovers_its_events(system: ActorSystem, clock: ManualClock) -> None:
    journal = InMemoryJournal()
    region: RegionRef[Any] = system.spawn(Behaviors.sharded(remembering_texts(journal), passivate_after=IDLE))
    for text in ("one", "two", "three"):
        region.entity("alice").tell(text)
        await clock.advance(IDLE)
    assert await region.entity("alice").ask(Question) == "one two three"


async def test_only_an_entity_can_be_passivated(system: ActorSystem) -> None:
    refused = asyncio.Event()

    async def setup(ctx: Ctx) -> Behavior[Any]:
        with pytest.raises(BehaviorError, match="is no entity"):
            ctx.passivate()
        refused.set()
        return Behaviors.ignore()

    system.spawn(Behaviors.setup(setup))
    await settle()
    assert refused.is_set()


async def test_a_region_that_stops_waits_for_passivating_entities_and_starts_none(system: ActorSystem) -> None:
    entities = Recording()
    slow = Slow(entities)
    region = system.spawn(Behaviors.sharded(slow, passivate_after=IDLE))
    letters = Events(system, DeadLetter)
    alice = region.entity("alice")
    alice.tell("passivate")
    alice.tell("never handled")
    await settle()
    probe = TestProbe[Any](system)
    probe.watch(region)
    stop_region(region)
    await settle()
    assert await probe.receive_all() == []
    slow.gate.set()
    await probe.expect_terminated(region)
    assert entities.seen == ["alice.1 passivate", "alice stopped"]
    assert [letter.message for letter in letters.seen] == ["never handled"]
