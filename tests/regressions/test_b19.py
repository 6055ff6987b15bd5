"""B19: a supervised restart of an event-sourced actor keeps its state and its sequence numbers."""

from typing import Any

from casty import ActorContext, ActorSystem, Behavior, Behaviors, OneForOneStrategy
from casty.testing import TestProbe

from tests.core.persistence.ledger import Add, HandJournal, add, ledger
from tests.core.runtime.probe import Boom


async def test_b19_a_restart_replays(system: ActorSystem) -> None:
    async def on_command(ctx: ActorContext[Add], state: str, command: Add) -> Behavior[Any]:
        if command.text == "boom":
            raise Boom
        return await add(ctx, state, command)

    journal, probe = HandJournal(), TestProbe[str](system)
    ref = system.spawn(Behaviors.supervise(ledger(journal, on_command), OneForOneStrategy()))
    for text in ("a", "b", "boom", "c"):
        ref.tell(Add(text, probe.ref))
    assert await probe.receive_n(3) == ["a", "ab", "abc"]
    assert [event.sequence_nr for event in journal.events] == [1, 2, 3]
