"""Context variables are compared by identity: a value may be anything."""

import asyncio
from contextvars import ContextVar, copy_context
from typing import Any, override

import pytest
from casty import ActorRef, ActorSystem, Behavior, Behaviors
from casty.runtime.variables import Baseline
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import PATIENCE, PATIENT, Ctx, turns

VALUE: ContextVar[Any] = ContextVar("value")
OTHER: ContextVar[Any] = ContextVar("other")


class Array:
    """Cannot be compared, like an array of numbers."""

    @override
    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # that is how a class says that it is not hashable


def writer() -> Behavior[Any]:
    async def handler(_ctx: Ctx, message: Any) -> Behavior[Any]:
        match message:
            case "begin":
                VALUE.set([])
            case "begin late":
                await turns(2)
                VALUE.set([])
            case str():
                VALUE.get().append(message)
            case reply_to:
                reply_to.tell(list(VALUE.get()))
        return Behaviors.same()

    return Behaviors.receive(handler)


async def kept_by(system: ActorSystem, ref: ActorRef[Any]) -> list[str]:
    return await system.ask(ref, lambda reply_to: reply_to)


@pytest.mark.parametrize("begin", ["begin", "begin late"])
async def test_a_value_that_equals_the_one_before_is_the_actors_own(begin: str) -> None:
    VALUE.set([])
    async with ActorSystem() as system:
        a, b = (system.spawn(writer()) for _ in range(2))
        for message in (begin, "secret of a"):
            a.tell(message)
            await settle()
        assert await kept_by(system, a) == ["secret of a"]
        assert await kept_by(system, b) == []
    assert VALUE.get() == []


async def test_a_value_that_cannot_be_compared_does_no_harm() -> None:
    VALUE.set(Array())
    async with ActorSystem(config=PATIENT) as system:
        probe = TestProbe[Any](system)

        async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
            VALUE.set(Array())
            await turns(2)
            return Behaviors.stopped()

        ref = system.spawn(Behaviors.receive(handler))
        probe.watch(ref)
        ref.tell("go")
        assert (await probe.receive()).ref is ref
        async with asyncio.timeout(PATIENCE):
            await system.shutdown()


def test_a_baseline_knows_its_copies_and_what_was_set_and_reset() -> None:
    VALUE.set(Array())
    OTHER.set(Array())
    baseline = Baseline(copy_context())
    assert baseline.is_kept_by(baseline.context.copy())

    def change_and_undo() -> bool:
        OTHER.reset(OTHER.set(1))
        return baseline.is_kept_by(copy_context())

    assert baseline.context.copy().run(change_and_undo)


def test_a_baseline_notices_each_change() -> None:
    VALUE.set(1.5)
    baseline = Baseline(copy_context())

    def after(change: Any) -> bool:
        change()
        return baseline.is_kept_by(copy_context())

    for change in (
        lambda: VALUE.set(float("1.5")),
        lambda: OTHER.set(None),
        lambda: VALUE.set(Array()),
    ):
        assert not baseline.context.copy().run(after, change)
