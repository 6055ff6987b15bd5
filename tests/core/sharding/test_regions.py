"""Entities of a local region: made by their first message, addressed by id, each by one reference for ever."""

import asyncio
import unicodedata
from typing import Any

import pytest
from casty import (
    ActorFailedError,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    ArgumentError,
    Behavior,
    BehaviorError,
    Behaviors,
    DeadLetter,
    DeadlockError,
    Directive,
    OneForOneStrategy,
    RegionRef,
    ReplicationConfig,
    ScopeError,
    ShardEnvelope,
    Terminated,
)
from casty.ref import ActorRef
from casty.runtime.sharding.ids import id_of, name_of, segment_of, shard_of
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Events
from tests.core.sharding.recording import Boom, Ctx, Question, Recording, stop_region

BAD_IDS: dict[str, object] = {
    "empty": "",
    "NUL": "a\0b",
    "half a surrogate pair": "a\ud800",
    "10 KB": "x" * 10_000,
    "a number": 7,
    "a list": ["alice"],
    "None": None,
}


async def test_an_entity_starts_with_its_first_message_and_only_once(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities), "accounts")
    await settle()
    assert not entities.starts
    region.tell(ShardEnvelope("alice", "one"))
    region.entity("alice").tell("two")
    region.tell(ShardEnvelope("bob", "three"))
    await settle()
    assert sorted(entities.seen) == ["alice.1 one", "alice.1 two", "bob.1 three"]


async def test_the_messages_of_one_sender_to_one_entity_keep_their_order(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities))
    alice = region.entity("alice")
    sent = [str(number) for number in range(1_000)]
    for text in sent:
        if int(text) % 2:
            alice.tell(text)
        else:
            region.tell(ShardEnvelope("alice", text))
        if int(text) % 100 == 0:
            await asyncio.sleep(0)
    await settle()
    assert entities.seen == [f"alice.1 {text}" for text in sent]


async def test_an_entity_is_asked_by_envelope_and_by_reference(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording()), "accounts")
    assert await system.ask(region, lambda reply_to: ShardEnvelope("alice", Question(reply_to))) == "alice.1"
    assert await system.ask(region.entity("alice"), Question) == "alice.1"
    assert await system.entity_ref(region, "bob").ask(Question) == "bob.1"
    assert await asyncio.gather(*(region.entity("carol").ask(Question) for _ in range(100))) == ["carol.1"] * 100


async def test_an_entity_that_fails_fails_the_ask_at_once(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording()))

    def failing(reply_to: ActorRef[str]) -> Question:
        return Question(reply_to, "fail")

    with pytest.raises(ActorFailedError, match="failed on Question"):
        await region.entity("alice").ask(failing, timeout=3600)
    with pytest.raises(ActorFailedError, match="failed on Question"):
        await region.ask(lambda reply_to: ShardEnvelope("bob", failing(reply_to)), timeout=3600)


async def test_an_entity_that_asks_itself_is_a_deadlock(system: ActorSystem) -> None:
    async def ask_itself(ctx: Ctx) -> None:
        with pytest.raises(DeadlockError, match=r"/alice asks .*/alice"):
            await region.entity("alice").ask(Question)
        with pytest.raises(DeadlockError):
            await region.ask(lambda reply_to: ShardEnvelope("alice", Question(reply_to)))
        asked.set()

    asked = asyncio.Event()
    region = system.spawn(Behaviors.sharded(Recording(ask=ask_itself)))
    region.entity("alice").tell("ask")
    await settle()
    assert asked.is_set()


@pytest.mark.parametrize("entity_id", BAD_IDS.values(), ids=BAD_IDS.keys())
async def test_an_impossible_id_is_refused_by_name(system: ActorSystem, entity_id: Any) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities), "accounts")
    letters = Events(system, DeadLetter)
    with pytest.raises(BehaviorError, match="entity id"):
        region.entity(entity_id)
    with pytest.raises(BehaviorError, match="entity id"):
        await region.ask(lambda reply_to: ShardEnvelope(entity_id, Question(reply_to)))
    region.tell(ShardEnvelope(entity_id, "lost"))
    letter = await letters.receive()
    assert "entity id" in letter.reason
    assert letter.intended_ref is region
    assert len(letter.reason) < 500
    assert not entities.starts


@pytest.mark.parametrize("message", ["a text", None, ("alice", "a tuple"), Question])
async def test_what_is_no_envelope_is_refused_by_name(system: ActorSystem, message: Any) -> None:
    region = system.spawn(Behaviors.sharded(Recording()), "accounts")
    letters = Events(system, DeadLetter)
    region.tell(message)
    assert "/accounts takes ShardEnvelope(entity_id, message), not " in (await letters.receive()).reason
    with pytest.raises(BehaviorError):
        await region.ask(lambda reply_to: message)


async def test_ids_are_the_same_only_if_all_their_characters_are(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities), "people")
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    ids = [composed, decomposed, "a/b", "a%2Fb", "a%252Fb", "_x", "%5Fx", "a\nb", "é" * 1_200, "é" * 1_200 + "!"]
    for entity_id in ids:
        region.entity(entity_id).tell("hello")
    await settle()
    assert sorted(entities.seen) == sorted(f"{entity_id}.1 hello" for entity_id in ids)
    assert len({name_of(entity_id) for entity_id in ids}) == len(ids)


async def test_an_entity_has_a_path_below_its_shard(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording(), num_shards=10), "accounts")
    region.entity("a/b").tell("hello")
    await settle()
    assert system.lookup("/accounts") is region
    assert system.lookup(f"/accounts/{shard_of('a/b', 10)}/a%2Fb") is not None


def test_a_shard_follows_from_the_md5_of_the_id() -> None:
    assert shard_of("alice", 100) == 0x6384E2B2 % 100
    assert shard_of("Zoë", 256) == 0xFB44AF73 % 256
    assert id_of(segment_of("a/b%2F\n_")) == "a/b%2F\n_"


async def test_a_reference_to_an_entity_travels_and_comes_back_equal(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities), "accounts")
    for entity_id in ("alice", "a/b%\n", "_x", "Zoë"):
        ref = region.entity(entity_id)
        back: Any = system.serializer.decode(*system.serializer.encode(ref))
        assert back == ref == region.entity(entity_id)
        assert hash(back) == hash(ref)
        back.tell("hello")
    await settle()
    assert sorted(entities.seen) == sorted(f"{name}.1 hello" for name in ("alice", "a/b%\n", "_x", "Zoë"))
    assert region.entity("alice") != region.entity("bob")
    assert region.entity("alice") != system.spawn(Behaviors.sharded(entities), "others").entity("alice")


async def test_an_entity_is_unreachable_without_its_region_and_found_in_the_next(system: ActorSystem) -> None:
    first, entities = system.spawn(Behaviors.sharded(Recording()), "accounts"), Recording()
    ref = first.entity("alice")
    ref.tell("hello")
    await settle()
    stop_region(first)
    await settle()
    letters = Events(system, DeadLetter)
    ref.tell("lost")
    assert (await letters.receive()).intended_ref == ref
    for gone in (ref, system.entity_ref(first, "never started"), system.resolve(ref.address)):
        with pytest.raises(ActorStoppedError):
            await gone.ask(Question)
    system.spawn(Behaviors.sharded(entities), "accounts")
    assert await system.resolve(ref.address).ask(Question) == "alice.1"
    assert system.resolve(ref.address) == ref


async def test_a_watcher_of_an_entity_is_notified_when_its_region_has_stopped(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording()))
    probe = TestProbe[Any](system)
    alice = region.entity("alice")
    probe.watch(alice)
    probe.watch(region)
    alice.tell("stop")
    await settle()
    assert await probe.receive_all() == []
    stop_region(region)
    assert await probe.receive_n(2) == [Terminated(alice), Terminated(region)]


async def test_a_failing_factory_fails_the_message_and_is_tried_again_with_the_next(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    entities = Recording()
    failures = [ValueError("no such account"), TypeError("no such type")]

    def factory(entity_id: str) -> Behavior[Any]:
        if failures:
            raise failures.pop(0)
        return entities(entity_id)

    region = system.spawn(Behaviors.sharded(factory), "accounts")
    with pytest.raises(ActorFailedError, match="no such account"):
        await region.entity("alice").ask(Question)
    region.entity("alice").tell("fails")
    await settle()
    region.entity("alice").tell("works")
    await settle()
    assert entities.seen == ["alice.1 works"]
    assert "The entity factory was called with 'alice'" in caplog.text


@pytest.mark.parametrize(
    "made", [None, Behaviors.same(), "a text", Behaviors.sharded(lambda entity_id: Behaviors.ignore())]
)
async def test_a_factory_that_makes_no_behavior_is_a_failure_that_says_so(system: ActorSystem, made: Any) -> None:
    region = system.spawn(Behaviors.sharded(lambda entity_id: made))
    with pytest.raises(ActorFailedError, match=r"behavior|only for a handler"):
        await region.entity("alice").ask(Question)


async def test_a_flood_for_an_entity_that_cannot_start_ends(system: ActorSystem) -> None:
    attempts: list[str] = []

    async def setup(ctx: Ctx) -> Behavior[Any]:
        attempts.append("setup")
        raise Boom

    region = system.spawn(Behaviors.sharded(lambda entity_id: Behaviors.setup(setup)))
    letters = Events(system, DeadLetter)
    for _ in range(100):
        region.entity("alice").tell("lost")
    await settle()
    assert len(letters.seen) == 100
    assert attempts == ["setup"]
    with pytest.raises(ActorStoppedError) as failed:
        await region.entity("alice").ask(Question)
    assert isinstance(failed.value.__cause__, Boom)


async def test_an_entity_that_escalates_stops_alone(system: ActorSystem) -> None:
    entities = Recording()
    strategy = OneForOneStrategy(decider=lambda error: Directive.escalate)
    region = system.spawn(Behaviors.sharded(lambda name: Behaviors.supervise(entities(name), strategy), num_shards=1))
    region.entity("bob").tell("one")
    region.entity("alice").tell("fail")
    await settle()
    region.entity("bob").tell("two")
    await settle()
    assert [text for text in entities.seen if text.startswith("bob")] == ["bob.1 one", "bob.1 two"]


async def test_timers_of_the_system_reach_entities(system: ActorSystem, clock: ManualClock) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities))
    system.schedule("once", region, ShardEnvelope("alice", "once"), 1.0)
    system.tick("again", region.entity("bob"), "again", 1.0)
    await clock.advance(2.0)
    assert sorted(entities.seen) == ["alice.1 once", "bob.1 again", "bob.1 again"]
    stop_region(region)
    await settle()
    letters = Events(system, DeadLetter)
    await clock.advance(10.0)
    assert len(letters.seen) == 1  # the timer ends with the first message that no actor takes


async def test_a_region_stops_with_all_its_entities(system: ActorSystem) -> None:
    stopped: list[str] = []

    async def post_stop(ctx: Ctx) -> None:
        stopped.append(ctx.self.address.path)

    region: RegionRef[Any] = system.spawn(
        Behaviors.sharded(lambda entity_id: Behaviors.with_lifecycle(Recording()(entity_id), post_stop=post_stop))
    )
    for number in range(1_000):
        region.entity(f"entity-{number}").tell("hello")
    await settle()
    probe = TestProbe[Any](system)
    probe.watch(region)
    stop_region(region)
    await probe.expect_terminated(region)
    assert len(stopped) == 1_000


async def test_a_sharded_behavior_is_neither_a_child_nor_wrapped(system: ActorSystem) -> None:
    sharded: Any = Behaviors.sharded(Recording())
    refused = asyncio.Event()

    async def setup(ctx: Ctx) -> Behavior[Any]:
        with pytest.raises(ScopeError, match=r"spawn it with system\.spawn"):
            ctx.spawn(sharded)
        refused.set()
        return Behaviors.ignore()

    system.spawn(Behaviors.setup(setup))
    with pytest.raises(ScopeError, match="cannot be wrapped"):
        system.spawn(Behaviors.with_lifecycle(sharded))
    await settle()
    assert refused.is_set()


async def test_only_a_region_has_entities(system: ActorSystem) -> None:
    actor: ActorRef[Any] = system.spawn(Behaviors.ignore())
    with pytest.raises(ArgumentError, match=r"spawn\(Behaviors\.sharded"):
        system.entity_ref(actor, "alice")


async def test_another_thread_starts_no_entity_but_by_the_threadsafe_calls(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities))
    alice = region.entity("alice")
    with pytest.raises(RuntimeError, match="thread"):
        await asyncio.to_thread(alice.tell, "refused")
    await asyncio.to_thread(system.tell_threadsafe, alice, "told")
    await settle()
    assert entities.seen == ["alice.1 told"]


async def test_copies_that_a_local_region_cannot_keep_are_a_warning(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system.spawn(Behaviors.sharded(Recording(), replication=ReplicationConfig(replicas=2)), "accounts")
    assert "/accounts keeps no copies of its entities" in caplog.text


async def test_the_shards_of_a_region_share_the_turns_of_the_event_loop(system: ActorSystem) -> None:
    number, stopped, most = 10_000, 0, 0
    region = system.spawn(Behaviors.sharded(Recording(), num_shards=50))
    for each in range(number):
        region.entity(f"entity-{each}").tell("hello")
    await settle()

    def count(event: ActorStopped) -> None:
        nonlocal stopped
        stopped += 1

    system.event_stream.subscribe(ActorStopped, count)
    stop_region(region)
    while stopped < number:
        before = stopped
        await asyncio.sleep(0)
        most = max(most, stopped - before)
    assert most < 1_000


async def test_the_shards_of_a_region_can_be_looked_at(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording(), num_shards=10), "accounts")
    for number in range(30):
        region.entity(f"account-{number}").tell("one")
    await settle()
    for given in (region, "accounts"):
        state = await system.shard_state(given)
        assert (state.name, state.num_shards, state.entities, state.is_complete) == ("accounts", 10, 30, True)
        expected = {shard_of(f"account-{number}", 10) for number in range(30)}
        assert [shard.shard for shard in state.shards] == sorted(expected)
        assert {shard.owner for shard in state.shards} == {None}


@pytest.mark.parametrize("region", ["orders", "", "a/b", 7])
async def test_only_a_region_has_shards(region: Any, system: ActorSystem) -> None:
    system.spawn(Behaviors.ignore(), "orders")
    with pytest.raises(ArgumentError, match="region"):
        await system.shard_state(region)


async def test_an_ask_of_an_entity_that_stops_without_a_reply_fails_at_once(system: ActorSystem) -> None:
    async def stop(_ctx: Ctx, _message: Any) -> Behavior[Any]:
        return Behaviors.stopped()

    region: RegionRef[Any] = system.spawn(Behaviors.sharded(lambda _: Behaviors.receive(stop)))
    for _ in range(2):  # handled in place, and in its turn
        with pytest.raises(ActorStoppedError):
            await asyncio.gather(*(region.entity("alice").ask(Question, timeout=3_600.0) for _ in range(2)))
        await settle()
