"""Timers of the system and of each actor, on a clock that the tests turn."""

import asyncio

import pytest
from casty import ActorSystem, Behavior, Behaviors, DeadLetter, Mailbox, MailboxOverflowStrategy, OneForOneStrategy
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, does


async def test_schedule_tells_once(system: ActorSystem, clock: ManualClock) -> None:
    probe = TestProbe[str](system)
    system.schedule("key", probe.ref, "x", delay=2.0)
    await clock.advance(1.9)
    assert await probe.receive_all() == []
    await clock.advance(10.0)
    assert await probe.receive_all() == ["x"]


async def test_tick_tells_again_and_again_until_it_is_cancelled(system: ActorSystem, clock: ManualClock) -> None:
    probe = TestProbe[str](system)
    system.tick("key", probe.ref, "x", interval=1.0)
    await clock.advance(3.0)
    assert await probe.receive_all() == ["x"] * 3
    system.cancel_schedule("key")
    await clock.advance(3.0)
    assert await probe.receive_all() == []


async def test_a_key_in_use_is_replaced(system: ActorSystem, clock: ManualClock) -> None:
    probe = TestProbe[str](system)
    system.tick("key", probe.ref, "tick", interval=1.0)
    system.schedule("key", probe.ref, "once", delay=1.0)
    await clock.advance(5.0)
    assert await probe.receive_all() == ["once"]


async def test_a_tick_ends_with_its_actor(system: ActorSystem, clock: ManualClock) -> None:
    letters = Events(system, DeadLetter)
    ref = system.spawn(does(lambda ctx, message: None))
    system.tick("key", ref, "x", interval=1.0)
    ref.tell("stop")
    await settle()
    await clock.advance(5.0)
    assert len(letters.seen) <= 1
    assert clock.waits() == []


async def test_beats_that_were_missed_are_skipped(system: ActorSystem, clock: ManualClock) -> None:
    probe = TestProbe[str](system)
    system.tick("key", probe.ref, "x", interval=1.0)
    clock.stall(3.5)
    await clock.advance(0.0)
    assert clock.waits() == [0.5]
    assert await probe.receive_all() == ["x"]


async def test_times_that_cannot_be_are_refused(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    with pytest.raises(ValueError, match="interval"):
        system.tick("key", probe.ref, "x", interval=0.0)
    with pytest.raises(ValueError, match="delay"):
        system.schedule("key", probe.ref, "x", delay=-1.0)


async def test_an_actors_timers_tell_itself(system: ActorSystem, clock: ManualClock) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        probe.ref.tell(message)
        if message == "start":
            ctx.timers.start("beat", "beat", every=1.0)
            ctx.timers.start("once", "once", after=1.5)
        if message == "cancel":
            ctx.timers.cancel("beat")

    ref = system.spawn(does(action))
    ref.tell("start")
    await settle()
    await clock.advance(2.0)
    assert await probe.receive_all() == ["start", "beat", "once", "beat"]
    ref.tell("cancel")
    await settle()
    await clock.advance(2.0)
    assert await probe.receive_all() == ["cancel"]


async def test_a_timer_is_either_periodic_or_single(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        with pytest.raises(ValueError, match="every= or after="):
            ctx.timers.start("key", "x")
        with pytest.raises(ValueError, match="every= or after="):
            ctx.timers.start("key", "x", every=1.0, after=1.0)
        probe.ref.tell("done")

    system.spawn(does(action)).tell("x")
    assert await probe.receive() == "done"


@pytest.mark.parametrize("end", ["stop", "boom", "again"])
async def test_an_actors_timers_end_when_it_stops_or_restarts(
    system: ActorSystem, clock: ManualClock, end: str
) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> object:
        match message:
            case "start":
                ctx.timers.start("beat", "beat", every=1.0)
            case "boom":
                raise Boom
            case "again":
                return Behaviors.restart()
            case _:
                probe.ref.tell(message)
        return None

    ref = system.spawn(Behaviors.supervise(does(action), OneForOneStrategy()))
    ref.tell("start")
    ref.tell(end)
    await settle()
    assert clock.waits() == []
    await clock.advance(5.0)
    assert await probe.receive_all() == []


async def test_a_timer_that_post_stop_starts_ends_with_the_actor(system: ActorSystem, clock: ManualClock) -> None:
    async def post_stop(ctx: Ctx) -> None:
        ctx.timers.start("beat", "beat", every=1.0)

    ref = system.spawn(Behaviors.with_lifecycle(does(lambda ctx, message: None), post_stop=post_stop))
    ref.tell("stop")
    await settle()
    assert clock.waits() == []


async def test_a_timer_that_meets_a_full_mailbox_makes_a_dead_letter(system: ActorSystem, clock: ManualClock) -> None:
    letters, gate = Events(system, DeadLetter), asyncio.Event()

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        ctx.timers.start("once", "tick", after=1.0)
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), mailbox=Mailbox(1, MailboxOverflowStrategy.reject))
    ref.tell("a")
    await settle()
    ref.tell("b")
    await clock.advance(1.0)
    assert [letter.message for letter in letters.seen] == ["tick"]
    gate.set()
