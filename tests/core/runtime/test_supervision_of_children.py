"""Strategies that decide for the children of the actor that they stand around."""

import pytest
from casty import (
    ActorStarted,
    ActorStopped,
    ActorSystem,
    AllForOneStrategy,
    Backoff,
    Behavior,
    Behaviors,
    Directive,
    OneForOneStrategy,
    RestForOneStrategy,
)
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Ctx, Events, Family, begins, does, fails


class Starts:
    """Three children that count their starts and fail at every message."""

    def __init__(self, system: ActorSystem, strategy: AllForOneStrategy | RestForOneStrategy) -> None:
        self.counts = [0, 0, 0]
        children = [self.child(number) for number in range(3)]
        self.family = Family(system, *children, around=lambda parent: Behaviors.supervise(parent, strategy))

    def child(self, number: int) -> Behavior[str]:
        def start(_ctx: Ctx) -> Behavior[str]:
            self.counts[number] += 1
            return does(fails)

        return begins(start)


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [(AllForOneStrategy(), [2, 2, 2]), (RestForOneStrategy(), [1, 2, 2])],
)
async def test_a_strategy_for_children_restarts_the_siblings_that_it_names(
    system: ActorSystem, strategy: AllForOneStrategy | RestForOneStrategy, counts: list[int]
) -> None:
    starts = Starts(system, strategy)
    family = await starts.family.started()
    family.children[1].tell("x")
    await settle()
    assert starts.counts == counts


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        (AllForOneStrategy(decider=lambda error: Directive.stop), {"child-0", "child-1", "child-2"}),
        (RestForOneStrategy(decider=lambda error: Directive.stop), {"child-1", "child-2"}),
        (AllForOneStrategy(max_restarts=0), {"child-0", "child-1", "child-2"}),
    ],
)
async def test_a_strategy_for_children_stops_the_siblings_that_it_names(
    system: ActorSystem, strategy: AllForOneStrategy | RestForOneStrategy, names: set[str]
) -> None:
    stopped = Events(system, ActorStopped)
    family = await Starts(system, strategy).family.started()
    family.children[1].tell("x")
    await settle()
    assert {event.ref.address.path.rpartition("/")[2] for event in stopped.seen} == names


async def test_a_child_that_decides_itself_leaves_its_siblings_alone(system: ActorSystem) -> None:
    started = Events(system, ActorStarted)
    child = Behaviors.supervise(does(fails), OneForOneStrategy())
    family = await Family(
        system, child, child, around=lambda parent: Behaviors.supervise(parent, AllForOneStrategy())
    ).started()
    before = len(started.seen)
    family.children[0].tell("x")
    await settle()
    assert len(started.seen) == before
    assert system.lookup("/parent/child-1") is family.children[1]


async def test_a_strategy_for_children_leaves_the_parents_own_failures_alone(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(Behaviors.supervise(does(fails), AllForOneStrategy()))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


async def test_a_strategy_for_children_leaves_message_adapters_alone(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    adapters = [probe.ref]

    def start(ctx: Ctx) -> Behavior[str]:
        adapters[0] = ctx.message_adapter(str.upper)
        ctx.spawn(does(fails), "child").tell("x")
        return does(lambda ctx, message: probe.ref.tell(message))

    system.spawn(Behaviors.supervise(begins(start), AllForOneStrategy(decider=lambda error: Directive.stop)))
    await settle()
    adapters[0].tell("x")
    assert await probe.receive() == "X"


async def test_a_restart_at_once_ends_the_wait_for_another(system: ActorSystem, clock: ManualClock) -> None:
    starts = 0

    def start(_ctx: Ctx) -> Behavior[str]:
        nonlocal starts
        starts += 1
        return does(fails)

    patient = Behaviors.supervise(begins(start), OneForOneStrategy(backoff=Backoff(initial=5.0)))
    family = await Family(
        system, patient, does(fails), around=lambda parent: Behaviors.supervise(parent, AllForOneStrategy())
    ).started()
    family.children[0].tell("x")
    await settle()
    assert (starts, len(clock.waits())) == (1, 1)
    family.children[1].tell("x")
    await settle()
    await clock.advance(60.0)
    await settle()
    assert starts == 2
