"""B20: an exception anywhere never leaves an actor that is alive but deaf: it stops, and says so, or it goes on."""

from collections.abc import Awaitable, Callable

import pytest
from casty import ActorStopped, ActorSystem, Behavior, Behaviors, DeadLetter
from casty.testing import settle

from tests.core.persistence.ledger import HandJournal
from tests.core.runtime.probe import Boom, Ctx, Events, begins, does, fails, turns


def boom(*_: object) -> Behavior[str]:
    raise Boom


async def hook(_ctx: Ctx) -> None:
    raise Boom


def sync_hook(_ctx: Ctx) -> Awaitable[None]:
    raise Boom


def shout(_nothing: None) -> str:
    raise Boom


def bad_fold(_state: str, _event: str) -> str:
    raise Boom


async def command(_ctx: Ctx, _state: str, _message: str) -> Behavior[str]:
    return Behaviors.persisted(["event"])


def bad_entity() -> Behavior[str]:
    return Behaviors.event_sourced(
        entity_id="e", journal=HandJournal(), initial_state="", on_event=bad_fold, on_command=command
    )


CASES: dict[str, Callable[[], Behavior[str]]] = {
    "handler": lambda: does(fails),
    "setup": lambda: begins(boom),
    "answered setup": lambda: does(lambda ctx, message: begins(boom)),
    "answered wrapper": lambda: does(lambda ctx, message: Behaviors.with_lifecycle(begins(boom), post_stop=sync_hook)),
    "answered persisted": lambda: does(lambda ctx, message: Behaviors.persisted(["event"])),
    "setup that answers same": lambda: begins(lambda ctx: Behaviors.same()),
    "pre_start": lambda: Behaviors.with_lifecycle(does(fails), pre_start=hook),
    "on_event": bad_entity,
    "piped awaitable": lambda: does(lambda ctx, message: ctx.pipe_to_self(turns(1), shout)),
    "stopping hook": lambda: Behaviors.with_lifecycle(does(fails), post_stop=hook),
}


@pytest.mark.parametrize("case", CASES)
async def test_b20_a_failure_never_leaves_a_deaf_actor(system: ActorSystem, case: str) -> None:
    stopped, letters = Events(system, ActorStopped), Events(system, DeadLetter)
    ref = system.spawn(CASES[case](), "a")
    ref.tell("x")
    await settle()
    assert (await stopped.receive()).ref is ref
    ref.tell("after the end")
    assert letters.seen[-1].message == "after the end"
    assert system.lookup("/a") is None


async def test_b20_an_exception_in_setup_never_leaves_a_deaf_actor(system: ActorSystem) -> None:
    stopped, letters = Events(system, ActorStopped), Events(system, DeadLetter)
    ref = system.spawn(begins(boom))
    for message in "ab":
        ref.tell(message)
    assert (await stopped.receive()).ref is ref
    assert [letter.message for letter in letters.seen] == ["a", "b"]
