"""A command that is refused for what its handler, fold or tagger returned has not happened: nothing of it is stored."""

# The point is to hand over what a type checker would refuse.
# pyright: reportUnknownLambdaType=false

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from casty import ActorFailedError, ActorRef, ActorSystem, Behavior, BehaviorError, Behaviors
from casty.testing import TestProbe

from tests.core.persistence.ledger import HandJournal

B: Any = Behaviors


class Booked(NamedTuple):
    amount: int


async def next_state(state: Any) -> None: ...


def ledger(journal: HandJournal, **changed: Any) -> Behavior[Any]:
    answers: dict[str, Callable[[ActorRef[Any]], Behavior[Any]]] = {
        "a reply that is no pair": lambda reply_to: B.persisted(["booked"], reply=reply_to),
        "a next that is a text": lambda reply_to: B.persisted(["booked"], then="stop"),
        "a next that is async": lambda reply_to: B.persisted(["booked"], then=next_state),
        "one event": lambda reply_to: B.persisted("booked"),
        "one named tuple": lambda reply_to: B.persisted(Booked(1)),
        "an event": lambda reply_to: B.persisted(["booked"], reply=(reply_to, "done")),
    }

    async def on_command(ctx: Any, state: Any, command: Any) -> Behavior[Any]:
        what, reply_to = command
        reply_to.tell("done")
        return answers[what](reply_to)

    def on_event(state: Any, event: Any) -> Any:
        return (*state, event)

    arguments = {"entity_id": "e", "initial_state": (), "on_event": on_event, "journal": journal}
    return B.event_sourced(**{"on_command": on_command, **arguments, **changed})


async def fails_to_be_stored(system: ActorSystem, ref: ActorRef[Any], what: str, journal: HandJournal) -> str:
    with pytest.raises(ActorFailedError) as failed:
        await system.ask(ref, lambda reply_to: (what, reply_to))
    assert isinstance(failed.value.__cause__, BehaviorError)
    assert not journal.writes
    return str(failed.value.__cause__)


@pytest.mark.parametrize(
    "what", ["a reply that is no pair", "a next that is a text", "a next that is async", "one event", "one named tuple"]
)
async def test_a_wrong_answer_stores_nothing(system: ActorSystem, what: str) -> None:
    journal = HandJournal()
    assert "Behaviors.persisted" in await fails_to_be_stored(system, system.spawn(ledger(journal)), what, journal)


WRONG_FOLDS: dict[str, tuple[Any, str]] = {
    "None": (lambda state, event: None, r"returned None for str, and the state before it was tuple"),
    "a coroutine": (lambda state, event: next_state(state), "on_event of .* returned a coroutine"),
}


@pytest.mark.parametrize("what", WRONG_FOLDS)
async def test_a_fold_that_returns_no_state_stores_nothing(system: ActorSystem, what: str) -> None:
    fold, text = WRONG_FOLDS[what]
    journal = HandJournal()
    ref = system.spawn(ledger(journal, on_event=fold))

    assert re.search(text, await fails_to_be_stored(system, ref, "an event", journal))


@pytest.mark.parametrize("tags", ["vip", None, 7, [7], {"vip": 1}.items()])
async def test_a_tagger_that_returns_no_tags_stores_nothing(system: ActorSystem, tags: Any) -> None:
    journal = HandJournal()
    ref = system.spawn(ledger(journal, tagger=lambda event: tags))
    assert "a tagger returns a list of texts" in await fails_to_be_stored(system, ref, "an event", journal)


async def test_a_history_whose_fold_returns_no_state_does_not_recover(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    journal, probe = HandJournal(), TestProbe[Any](system)
    ref = system.spawn(ledger(journal))
    ref.tell(("an event", probe.ref))
    assert await probe.receive_n(2) == ["done", "done"]
    probe.watch(again := system.spawn(ledger(journal, on_event=lambda state, event: None)))
    assert isinstance((await probe.expect_terminated(again)).reason, BehaviorError)


async def test_none_may_follow_none(system: ActorSystem) -> None:
    journal, probe = HandJournal(), TestProbe[Any](system)
    ref = system.spawn(ledger(journal, initial_state=None, on_event=lambda state, event: None))
    ref.tell(("an event", probe.ref))
    assert await probe.receive_n(2) == ["done", "done"]


async def test_a_coroutine_that_then_returns_is_a_failure(system: ActorSystem) -> None:
    journal, probe = HandJournal(), TestProbe[Any](system)

    async def on_command(ctx: Any, state: Any, command: Any) -> Behavior[Any]:
        return B.persisted(["booked"], then=lambda state: next_state(state))

    probe.watch(ref := system.spawn(ledger(journal, on_command=on_command)))
    ref.tell("book")
    assert isinstance((await probe.expect_terminated(ref)).reason, BehaviorError)
