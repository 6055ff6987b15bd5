"""Time that stands still: what goes by it, in which order, and when it has settled."""

import asyncio
from contextvars import ContextVar

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorRestarted,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    CastyConfig,
    OneForOneStrategy,
)
from casty.config import SystemConfig
from casty.testing import ManualClock, TestProbe, manual_time

type Ctx = ActorContext[str]


async def silent(_ctx: Ctx, _message: str) -> Behavior[str]:
    return Behaviors.same()


async def test_time_begins_at_zero_and_passes_when_told() -> None:
    clock = manual_time()
    assert clock.time() == 0.0
    await clock.advance(1.5)
    assert clock.time() == 1.5


async def test_ten_tenths_are_one_second() -> None:
    clock, calls = ManualClock(), list[float]()

    def beat() -> None:
        calls.append(clock.time())
        clock.call_later(0.1, beat)

    clock.call_later(0.1, beat)
    await clock.advance(0.3)
    assert calls == [0.1, 0.2, 0.3]
    for _ in range(7):
        await clock.advance(0.1)
    assert (clock.time(), calls[-1]) == (1.0, 1.0)


async def test_calls_run_at_their_own_times_in_order() -> None:
    clock, calls = ManualClock(), list[tuple[str, float]]()
    for name, delay in [("c", 2.0), ("a", 1.0), ("b", 1.0), ("never", 3.5)]:
        clock.call_later(delay, lambda name=name: calls.append((name, clock.time())))
    await clock.advance(3.0)
    assert calls == [("a", 1.0), ("b", 1.0), ("c", 2.0)]
    assert (clock.time(), clock.waits()) == (3.0, [0.5])


async def test_what_falls_due_in_a_stall_is_late() -> None:
    clock, calls = ManualClock(), list[float]()
    clock.call_later(1.0, lambda: calls.append(clock.time()))
    clock.stall(3.0)
    assert (clock.time(), clock.waits(), calls) == (3.0, [-2.0], [])
    await clock.advance(0.5)
    assert (calls, clock.time()) == ([3.0], 3.5)


async def test_a_cancelled_call_is_not_run() -> None:
    clock, calls = ManualClock(), list[str]()
    clock.call_later(1.0, calls.append, "x").cancel()
    assert clock.waits() == []
    await clock.advance(2.0)
    assert calls == []


async def test_a_call_runs_in_the_context_that_planned_it() -> None:
    clock, variable, seen = ManualClock(), ContextVar("variable", default="outside"), list[str]()
    token = variable.set("inside")
    clock.call_later(1.0, lambda: seen.append(variable.get()))
    variable.reset(token)
    await clock.advance(1.0)
    assert seen == ["inside"]


async def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back: -1"):
        await ManualClock().advance(-1)


async def test_earlier_messages_are_handled_at_the_old_time() -> None:
    """A timer that the message starts counts from then."""
    async with ActorSystem(clock=(clock := manual_time())) as system:
        probe = TestProbe[str](system)

        async def start(ctx: Ctx, message: str) -> Behavior[str]:
            if message == "start":
                ctx.timers.start("key", "due", after=2.0)
            else:
                probe.ref.tell(message)
            return Behaviors.same()

        system.spawn(Behaviors.receive(start)).tell("start")
        await clock.advance(2.0)
        await probe.expect_message("due")


async def test_what_a_timer_sets_off_falls_due_within_the_same_advance() -> None:
    async with ActorSystem(clock=(clock := manual_time())) as system:
        probe = TestProbe[float](system)

        async def again(ctx: ActorContext[None], _message: None) -> Behavior[None]:
            probe.ref.tell(clock.time())
            ctx.timers.start("key", None, after=0.7)
            return Behaviors.same()

        system.spawn(Behaviors.receive(again)).tell(None)
        await clock.advance(2.0)
        assert await probe.receive_n(3) == [0.0, 0.7, 1.4]
        await probe.expect_no_message()


async def test_schedule_and_tick_go_by_it() -> None:
    async with ActorSystem(clock=(clock := manual_time())) as system:
        probe = TestProbe[str](system)
        system.schedule("once", probe.ref, "once", delay=2.5)
        system.tick("beat", probe.ref, "beat", interval=1.0)
        await clock.advance(0.9)
        await probe.expect_no_message()
        await clock.advance(2.1)
        assert await probe.receive_n(4) == ["beat", "beat", "once", "beat"]


@pytest.mark.parametrize(("asked_at", "timeout"), [(0.033, 0.12), (0.1, 0.2), (0.033, 5.0), (1.0, 3600.0)])
async def test_an_ask_fails_when_its_time_has_passed(asked_at: float, timeout: float) -> None:
    async with ActorSystem(clock=(clock := manual_time())) as system:
        ref = system.spawn(Behaviors.receive(silent))
        await clock.advance(asked_at)

        def question(_reply_to: ActorRef[str]) -> str:
            return "x"

        ask = asyncio.ensure_future(system.ask(ref, question, timeout))
        await clock.advance(timeout - 0.01)
        assert not ask.done()
        await clock.advance(0.01)
        with pytest.raises(TimeoutError):
            ask.result()


async def test_back_off_goes_by_it() -> None:
    async def fail(_ctx: Ctx, message: str) -> Behavior[str]:
        raise ValueError(message)

    async with ActorSystem(clock=(clock := manual_time())) as system:
        probe = TestProbe[ActorRestarted](system)
        probe.subscribe(ActorRestarted)
        strategy = OneForOneStrategy(backoff=Backoff(initial=10.0, jitter=0.0))
        system.spawn(Behaviors.supervise(Behaviors.receive(fail), strategy)).tell("x")
        await clock.advance(9.9)
        await probe.expect_no_message()
        await clock.advance(0.1)
        await probe.expect_message(ActorRestarted)


async def test_a_system_stops_although_time_stands_still() -> None:
    """Its patience with a handler that hangs is real time."""
    cancelled = list[str]()

    async def hang(_ctx: Ctx, message: str) -> Behavior[str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(message)
            raise
        return Behaviors.same()

    async with asyncio.timeout(20.0):
        config = CastyConfig(system=SystemConfig(stop_timeout=0.02))
        async with ActorSystem(config=config, clock=(clock := manual_time())) as system:
            system.spawn(Behaviors.receive(hang)).tell("x")
            await clock.advance(1.0)
    assert cancelled == ["x"]
