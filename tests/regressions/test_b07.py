"""B7: a reply is never sent before its events are durable."""

import asyncio

from casty import ActorSystem
from casty.testing import TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, adding, ledger


async def test_b07_no_reply_before_the_events_are_durable(system: ActorSystem) -> None:
    journal = HandJournal(by_hand=True)
    ref = system.spawn(ledger(journal))
    ask = asyncio.ensure_future(system.ask(ref, adding("a")))
    await settle()
    assert (ask.done(), journal.stored()) == (False, [])
    journal.writes[0].release()
    assert await ask == "a"
    assert journal.stored() == ["a"]


async def test_b07_no_reply_at_all_where_the_write_fails(system: ActorSystem) -> None:
    journal, probe = HandJournal(by_hand=True), TestProbe[str](system)
    system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    await settle()
    journal.writes[0].fail()
    assert await probe.receive_all() == []
