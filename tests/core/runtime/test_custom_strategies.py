"""Strategies that users write: any object with a method `decide`."""

# The handlers are lambdas on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any
from unittest.mock import Mock

import pytest
from casty import ActorRestarted, ActorStopped, ActorSystem, Behavior, Behaviors, Directive
from casty.behaviors.supervision import SupervisionStrategy
from casty.testing import settle

from tests.core.runtime.probe import Boom, Ctx, Events, does, fails


class AlwaysRestart:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def decide(self, exception: BaseException, *, child_id: str, **_: Any) -> Directive:
        self.asked.append((type(exception).__name__, child_id))
        return Directive.restart


class Unhashable:
    __hash__ = None  # pyright: ignore[reportAssignmentType]  # as of a dataclass that can be changed

    def decide(self, exception: BaseException) -> Directive:
        return Directive.restart


class Nonsense:
    def decide(self, exception: BaseException) -> Any:
        return "restart"


def supervised(strategy: SupervisionStrategy) -> Behavior[str]:
    return Behaviors.supervise(does(fails), strategy)


async def test_any_object_that_decides_is_a_strategy(system: ActorSystem) -> None:
    strategy, restarted = AlwaysRestart(), Events(system, ActorRestarted)
    ref = system.spawn(supervised(strategy), "mine")
    for _ in range(10):  # there is no limit but its own
        ref.tell("boom")
        assert isinstance((await restarted.receive()).exception, Boom)
    assert strategy.asked == [("Boom", "/mine")] * 10


@pytest.mark.parametrize("strategy", [Unhashable(), Mock(decide=Mock(return_value=Directive.restart))])
async def test_it_need_not_be_hashable_nor_take_the_path(system: ActorSystem, strategy: Any) -> None:
    restarted = Events(system, ActorRestarted)
    system.spawn(supervised(strategy)).tell("boom")
    await restarted.receive()


async def test_an_answer_that_is_no_directive_stops_the_actor_and_says_so(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(supervised(Nonsense()))
    ref.tell("boom")
    assert (await stopped.receive()).ref is ref
    assert "decided 'restart' about Boom, which is no Directive" in caplog.text


async def test_a_lambda_may_handle_messages(system: ActorSystem) -> None:
    handled: list[str] = []

    def note(message: str) -> Behavior[str]:
        handled.append(message)
        return Behaviors.same()

    async def note_soon(_ctx: Ctx, message: str) -> Behavior[str]:
        return note(message)

    handlers: list[Any] = [lambda _ctx, message: note(message), lambda ctx, message: note_soon(ctx, message)]
    for handler in handlers:
        system.spawn(Behaviors.receive(handler)).tell("hello")
    await settle()
    assert handled == ["hello", "hello"]
