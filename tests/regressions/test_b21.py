"""B21: messages queued behind a stop, dropped by overflow, or pending at shutdown become dead letters."""

import asyncio

from casty import ActorSystem, Behavior, Behaviors, DeadLetter, Mailbox
from casty.testing import settle

from tests.core.runtime.probe import Ctx, Events, does


async def test_b21_messages_behind_a_stop_become_dead_letters(system: ActorSystem) -> None:
    letters, ref = Events(system, DeadLetter), system.spawn(does(lambda ctx, message: None))
    for message in ("a", "stop", "b", "c"):
        ref.tell(message)
    await settle()
    assert [letter.message for letter in letters.seen] == ["b", "c"]
    assert all("before its turn" in letter.reason for letter in letters.seen)


async def test_b21_messages_dropped_by_overflow_become_dead_letters(system: ActorSystem) -> None:
    letters, ref = Events(system, DeadLetter), system.spawn(does(lambda ctx, message: None), mailbox=Mailbox(1))
    for message in "ab":
        ref.tell(message)
    assert [letter.message for letter in letters.seen] == ["b"]
    assert "full" in letters.seen[0].reason


async def test_b21_messages_pending_at_shutdown_become_dead_letters(system: ActorSystem) -> None:
    letters, gate = Events(system, DeadLetter), asyncio.Event()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    for message in "abc":
        ref.tell(message)
    await settle()
    ending = asyncio.ensure_future(system.shutdown())
    await settle()
    gate.set()
    await ending
    ref.tell("d")
    assert [letter.message for letter in letters.seen] == ["b", "c", "d"]
