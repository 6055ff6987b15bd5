"""Messages that no actor handles, and how they are logged."""

import asyncio

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors, DeadLetter
from casty.runtime.dead_letters import Throttle
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Events, does


async def test_a_message_for_a_stopped_actor_is_a_dead_letter(system: ActorSystem) -> None:
    letters, ref = Events(system, DeadLetter), system.spawn(does(lambda ctx, message: None))
    ref.tell("stop")
    await settle()
    ref.tell("x")
    letter = await letters.receive()
    assert (letter.message, letter.intended_ref) == ("x", ref)
    assert "stopped" in letter.reason


async def test_a_resolved_address_without_an_actor_takes_dead_letters(system: ActorSystem) -> None:
    letters, ref = Events(system, DeadLetter), system.spawn(does(lambda ctx, message: None), "a")
    address = ref.address
    assert system.resolve(address) is ref
    ref.tell("stop")
    await settle()
    gone = system.resolve(address)
    assert gone == ref
    system.spawn(does(lambda ctx, message: None), "a")
    gone.tell("x")
    assert (await letters.receive()).message == "x"


async def test_a_dead_subscriber_causes_no_dead_letters_of_dead_letters(system: ActorSystem) -> None:
    letters, dead = Events(system, DeadLetter), TestProbe[DeadLetter](system)
    system.event_stream.subscribe(DeadLetter, dead.ref.tell)
    ref = system.spawn(Behaviors.stopped())
    await settle()
    ref.tell("x")
    assert (await dead.receive()).message == "x"
    await system.shutdown()
    ref.tell("y")
    assert [letter.message for letter in letters.seen] == ["x", "y"]


async def test_dead_letters_are_logged_by_type_only(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    ref = system.spawn(Behaviors.stopped())
    await settle()
    ref.tell("secret")
    assert "dead letter: str for" in caplog.text
    assert "secret" not in caplog.text


async def test_a_flood_of_dead_letters_is_published_but_not_logged(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    letters = Events(system, DeadLetter)
    ref = system.spawn(Behaviors.stopped())
    await settle()
    for _ in range(1000):
        ref.tell("x")
    assert len(letters.seen) == 1000
    assert len(caplog.records) < 10


async def test_a_throttle_opens_again_after_its_period(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    throttle = Throttle(clock, lines=2, period=10.0)
    assert [throttle.admits("key") for _ in range(4)] == [True, True, False, False]
    assert throttle.admits("other")
    await clock.advance(10.0)
    assert throttle.admits("key")
    assert "2 more warnings" in caplog.text


async def test_dead_letters_of_a_shutdown_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    gate = asyncio.Event()

    async def handler(_ctx: ActorContext[str | int], _message: str | int) -> Behavior[str | int]:
        await gate.wait()
        return Behaviors.same()

    async with ActorSystem("shop") as system:
        letters = Events(system, DeadLetter)
        for name, count in (("orders", 20), ("clock", 1)):
            ref = system.spawn(Behaviors.receive(handler), name)
            for number in range(count + 1):
                ref.tell("x" if number % 2 else 1)
        await settle()
        shutdown = asyncio.ensure_future(system.shutdown())
        await settle()
        gate.set()
        await shutdown
    [record] = caplog.records
    assert record.getMessage() == (
        "the actor system shop stopped with 21 messages that no actor had handled; they are dead letters: 11 str, "
        "10 int; most of them for 20 /orders, 1 /clock; stop what sends them first, or wait for its work to be done"
    )
    assert len(letters.seen) == 21


async def test_a_shutdown_that_leaves_nothing_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        system.spawn(does(lambda ctx, message: None))
    assert caplog.records == []


async def test_dead_letters_after_a_shutdown_are_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        ref = system.spawn(does(lambda ctx, message: None), "a")
    ref.tell("x")
    assert "dead letter: str for /a: the actor has stopped; watch it" in caplog.text
