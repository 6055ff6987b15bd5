"""Which strategy decides about a failure, and what each directive does."""

from random import Random

import pytest
from casty import (
    ActorRestarted,
    ActorStopped,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    CastyConfig,
    Directive,
    OneForOneStrategy,
)
from casty.config.actors import DefaultsConfig, SupervisionOverrides
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, Family, begins, does, fails


def always(directive: Directive) -> OneForOneStrategy:
    return OneForOneStrategy(decider=lambda error: directive)


class Counter:
    """Counts its messages, in a state that a restart discards."""

    def __init__(self, system: ActorSystem) -> None:
        self.probe = TestProbe[int](system)

    def behavior(self) -> Behavior[str]:
        def start(_ctx: Ctx) -> Behavior[str]:
            count = 0

            def action(_ctx: Ctx, message: str) -> None:
                nonlocal count
                if message == "boom":
                    raise Boom
                count += 1
                self.probe.ref.tell(count)

            return does(action)

        return begins(start)


async def test_an_unsupervised_failure_stops_the_actor(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(does(fails))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_a_restart_begins_again_and_keeps_the_queue(system: ActorSystem) -> None:
    counter = Counter(system)
    ref = system.spawn(Behaviors.supervise(counter.behavior(), OneForOneStrategy()))
    for message in ("x", "x", "boom", "x"):
        ref.tell(message)
    assert await counter.probe.receive_n(3) == [1, 2, 1]


async def test_resume_goes_on_with_the_state(system: ActorSystem) -> None:
    counter = Counter(system)
    ref = system.spawn(Behaviors.supervise(counter.behavior(), always(Directive.resume)))
    for message in ("x", "x", "boom", "x"):
        ref.tell(message)
    assert await counter.probe.receive_n(3) == [1, 2, 3]


async def test_b20_resume_of_a_failed_start_stops_the_actor(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)

    def start(_ctx: Ctx) -> Behavior[str]:
        raise Boom

    ref = system.spawn(Behaviors.supervise(begins(start), always(Directive.resume)))
    assert (await stopped.receive()).ref is ref


async def test_b20_resume_of_a_failed_restart_does_not_go_on_with_the_old_handler(system: ActorSystem) -> None:
    stopped, starts = Events(system, ActorStopped), 0

    def start(_ctx: Ctx) -> Behavior[str]:
        nonlocal starts
        starts += 1
        if starts == 2:
            raise ValueError
        return does(fails)

    def decide(error: BaseException) -> Directive:
        return Directive.restart if isinstance(error, Boom) else Directive.resume

    ref = system.spawn(Behaviors.supervise(begins(start), OneForOneStrategy(decider=decide)))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_stop_stops(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(Behaviors.supervise(does(fails), always(Directive.stop)))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_escalate_fails_the_parent(system: ActorSystem) -> None:
    restarted = Events(system, ActorRestarted)
    family = await Family(
        system,
        Behaviors.supervise(does(fails), always(Directive.escalate)),
        around=lambda parent: Behaviors.supervise(parent, OneForOneStrategy()),
    ).started()
    family.children[0].tell("x")
    again = await restarted.receive()
    assert again.ref is family.parent
    assert isinstance(again.exception, Boom)


async def test_escalate_without_a_parent_stops(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(Behaviors.supervise(does(fails), always(Directive.escalate)))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_the_innermost_strategy_decides_first(system: ActorSystem) -> None:
    counter = Counter(system)
    inner = Behaviors.supervise(counter.behavior(), always(Directive.resume))
    ref = system.spawn(Behaviors.supervise(inner, always(Directive.stop)))
    for message in ("x", "boom", "x"):
        ref.tell(message)
    assert await counter.probe.receive_n(2) == [1, 2]


async def test_escalate_asks_the_next_strategy_outwards(system: ActorSystem) -> None:
    counter = Counter(system)
    inner = Behaviors.supervise(counter.behavior(), always(Directive.escalate))
    ref = system.spawn(Behaviors.supervise(inner, OneForOneStrategy()))
    for message in ("x", "boom", "x"):
        ref.tell(message)
    assert await counter.probe.receive_n(2) == [1, 1]


async def test_a_decider_that_fails_stops_the_actor(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)

    def decider(_error: BaseException) -> Directive:
        raise Boom

    ref = system.spawn(Behaviors.supervise(does(fails), OneForOneStrategy(decider=decider)))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


@pytest.mark.parametrize("granted", [0, 1, 3])
async def test_the_failure_after_the_last_granted_restart_stops(system: ActorSystem, granted: int) -> None:
    restarted, stopped = Events(system, ActorRestarted), Events(system, ActorStopped)
    ref = system.spawn(Behaviors.supervise(does(fails), OneForOneStrategy(max_restarts=granted)))
    for _ in range(granted + 1):
        ref.tell("x")
    await stopped.receive()
    assert len(restarted.seen) == granted


async def test_restarts_older_than_the_window_do_not_count(system: ActorSystem, clock: ManualClock) -> None:
    restarted, stopped = Events(system, ActorRestarted), Events(system, ActorStopped)
    ref = system.spawn(Behaviors.supervise(does(fails), OneForOneStrategy(max_restarts=1, within=10.0)))
    for _ in range(3):
        ref.tell("x")
        await settle()
        await clock.advance(11.0)
    assert (len(restarted.seen), stopped.seen) == (3, [])
    ref.tell("x")
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_backoff_waits_longer_each_time_and_keeps_the_queue(system: ActorSystem, clock: ManualClock) -> None:
    counter = Counter(system)
    backoff = Backoff(initial=1.0, maximum=3.0, multiplier=2.0, jitter=0.0)
    strategy = OneForOneStrategy(max_restarts=9, backoff=backoff)
    ref = system.spawn(Behaviors.supervise(counter.behavior(), strategy))
    for wait in (1.0, 2.0, 3.0, 3.0):
        ref.tell("boom")
        ref.tell("x")
        await settle()
        assert clock.waits() == [wait]
        assert await counter.probe.receive_all() == []
        await clock.advance(wait)
        assert await counter.probe.receive() == 1


def test_jitter_only_lengthens_a_wait() -> None:
    backoff = Backoff(initial=1.0, maximum=8.0, jitter=0.5)
    waits = [backoff.delay(2, Random(seed)) for seed in range(100)]
    assert 2.0 <= min(waits) < 2.1
    assert 2.9 < max(waits) <= 3.0


async def test_an_actor_that_waits_to_be_restarted_can_be_stopped(system: ActorSystem, clock: ManualClock) -> None:
    stopped = Events(system, ActorStopped)
    strategy = OneForOneStrategy(backoff=Backoff(initial=5.0))
    ref = system.spawn(Behaviors.supervise(does(fails), strategy))
    ref.tell("x")
    await settle()
    await system.shutdown()
    assert [event.ref for event in stopped.seen] == [ref]
    assert clock.waits() == []


async def test_the_configuration_decides_for_children_too() -> None:
    supervision = SupervisionOverrides(strategy=Directive.restart)
    config = CastyConfig(defaults=DefaultsConfig(supervision=supervision))
    async with ActorSystem(config=config) as system:
        counter = Counter(system)
        family = await Family(system, counter.behavior()).started()
        for message in ("x", "boom", "x"):
            family.children[0].tell(message)
        assert await counter.probe.receive_n(2) == [1, 1]


async def test_an_actor_that_fails_at_every_start_leaves_others_their_turns(system: ActorSystem) -> None:
    probe, starts = TestProbe[str](system), 0

    def start(ctx: Ctx) -> Behavior[str]:
        nonlocal starts
        starts += 1
        if starts < 2000:
            raise Boom
        return does(fails)

    system.spawn(Behaviors.supervise(begins(start), OneForOneStrategy(max_restarts=10_000)))
    probe.ref.tell("x")
    assert await probe.receive() == "x"
    assert starts < 2000
