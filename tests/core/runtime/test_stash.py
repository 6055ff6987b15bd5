"""Messages put aside."""

import pytest
from casty import ActorSystem, Behavior, Behaviors, DeadLetter, OneForOneStrategy
from casty.errors import StashOverflowError
from casty.runtime.context import STASH_CAPACITY
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, does


def stashing(probe: TestProbe[str]) -> Behavior[str]:
    def action(ctx: Ctx, message: str) -> Behavior[str] | None:
        if message == "boom":
            raise Boom
        if message != "open":
            ctx.stash(message)
            return None
        ctx.unstash_all()
        return does(lambda ctx, message: probe.ref.tell(message))

    return Behaviors.supervise(does(action), OneForOneStrategy())


async def test_unstashed_messages_come_before_those_that_wait(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    ref = system.spawn(stashing(probe))
    for message in ("a", "b", "open", "c"):
        ref.tell(message)
    assert await probe.receive_n(3) == ["a", "b", "c"]


async def test_a_restart_puts_the_stash_before_what_waits(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    ref = system.spawn(stashing(probe))
    for message in ("a", "boom", "b", "open", "c"):
        ref.tell(message)
    assert await probe.receive_n(3) == ["a", "b", "c"]


async def test_a_stop_makes_the_stash_dead_letters(system: ActorSystem) -> None:
    letters = Events(system, DeadLetter)
    ref = system.spawn(stashing(TestProbe[str](system)))
    for message in ("a", "b", "stop", "c"):
        ref.tell(message)
    await settle()
    assert [letter.message for letter in letters.seen] == ["a", "b", "c"]


async def test_the_stash_is_bounded(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        for _ in range(STASH_CAPACITY):
            ctx.stash("x")
        with pytest.raises(StashOverflowError):
            ctx.stash("one too many")
        probe.ref.tell("done")

    system.spawn(does(action)).tell("x")
    assert await probe.receive() == "done"
