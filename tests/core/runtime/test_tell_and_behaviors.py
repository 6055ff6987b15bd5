"""Every behavior, as what is spawned and as what a handler answers."""

import pytest
from casty import ActorStopped, ActorSystem, Behavior, Behaviors, UnhandledMessage
from casty.errors import BehaviorError
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Ctx, Events, begins, does, turns


async def test_messages_of_one_sender_arrive_in_order(system: ActorSystem) -> None:
    probe = TestProbe[int](system)
    for number in range(1000):
        probe.ref.tell(number)
    assert await probe.receive_n(1000) == list(range(1000))


async def test_handlers_of_one_actor_never_overlap(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
        probe.ref.tell(f"{message} begins")
        await turns(3)
        probe.ref.tell(f"{message} ends")
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    ref.tell("a")
    ref.tell("b")
    assert await probe.receive_n(4) == ["a begins", "a ends", "b begins", "b ends"]


async def test_an_answer_is_the_behavior_for_the_next_message(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def after(count: int) -> Behavior[str]:
        async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
            probe.ref.tell(f"{message}{count}")
            return after(count + 1)

        return Behaviors.receive(handler)

    ref = system.spawn(after(0))
    for message in "abc":
        ref.tell(message)
    assert await probe.receive_n(3) == ["a0", "b1", "c2"]


async def test_setup_may_be_answered(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    inner = does(lambda ctx, message: probe.ref.tell(f"{message} at {ctx.self.address.path}"))
    ref = system.spawn(does(lambda ctx, message: begins(lambda ctx: inner)), "a")
    ref.tell("x")
    ref.tell("y")
    assert await probe.receive() == "y at /a"


async def test_setup_may_answer_setup(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    inner = does(lambda ctx, message: probe.ref.tell(message))
    system.spawn(begins(lambda ctx: begins(lambda ctx: inner))).tell("x")
    assert await probe.receive() == "x"


async def test_ignore_swallows_everything(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(Behaviors.ignore())
    ref.tell("x")
    await settle()
    assert stopped.seen == []


async def test_ignore_may_be_answered(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(_ctx: Ctx, message: str) -> Behavior[str]:
        probe.ref.tell(message)
        return Behaviors.ignore()

    ref = system.spawn(does(action))
    ref.tell("x")
    ref.tell("y")
    assert await probe.receive_all() == ["x"]


async def test_stopped_may_be_spawned(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(Behaviors.stopped())
    assert (await stopped.receive()).ref is ref


async def test_an_unhandled_message_is_published_and_changes_nothing(system: ActorSystem) -> None:
    unhandled, probe = Events(system, UnhandledMessage), TestProbe[str](system)

    def action(_ctx: Ctx, message: str) -> object:
        return Behaviors.unhandled() if message == "odd" else probe.ref.tell(message)

    ref = system.spawn(does(action))
    ref.tell("odd")
    ref.tell("even")
    assert await unhandled.receive() == UnhandledMessage("odd", ref)
    assert await probe.receive() == "even"


@pytest.mark.parametrize(
    "behavior", [Behaviors.same(), Behaviors.unhandled(), Behaviors.restart(), Behaviors.persisted([])]
)
async def test_a_setup_that_returns_no_beginning_stops_the_actor(system: ActorSystem, behavior: Behavior[str]) -> None:
    stopped = Events(system, ActorStopped)

    async def setup(_ctx: Ctx) -> Behavior[str]:
        return behavior

    ref = system.spawn(Behaviors.setup(setup))
    assert (await stopped.receive()).ref is ref


@pytest.mark.parametrize("junk", [None, 7, lambda: None])
async def test_only_behaviors_can_be_spawned(system: ActorSystem, junk: Behavior[str]) -> None:
    with pytest.raises(BehaviorError, match="an actor takes a behavior"):
        system.spawn(junk)


@pytest.mark.parametrize("junk", [None, 7, "same"])
async def test_an_answer_that_is_no_behavior_is_a_failure(system: ActorSystem, junk: Behavior[str]) -> None:
    stopped = Events(system, ActorStopped)

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        return junk

    ref = system.spawn(Behaviors.receive(handler))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref
