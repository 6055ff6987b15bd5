"""B8: a failing journal loses no acknowledged event, acknowledges nothing unwritten, and the actor recovers."""

from casty import ActorSystem
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, ledger


async def test_b08_what_was_acknowledged_is_what_is_stored(system: ActorSystem, manual_time: ManualClock) -> None:
    journal, probe = HandJournal(by_hand=True), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    for number in range(30):
        ref.tell(Add(chr(ord("a") + number), probe.ref))
        await settle()
        write = journal.writes[-1]
        if not write.outcome.done():
            if number % 3 == 1:
                write.fail()
            else:
                write.release()
        await settle()
        await manual_time.advance(60.0)
    await settle()
    acknowledged = await probe.receive_all()
    assert acknowledged != []
    assert acknowledged[-1] == "".join(journal.stored())
    assert [len(state) for state in acknowledged] == list(range(1, len(journal.events) + 1))
    assert [event.sequence_nr for event in journal.events] == list(range(1, len(journal.events) + 1))


async def test_b08_nothing_is_written_behind_a_failed_write(system: ActorSystem, manual_time: ManualClock) -> None:
    journal, probe = HandJournal(by_hand=True), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    for text in "ab":
        ref.tell(Add(text, probe.ref))
        await settle()
    journal.writes[0].fail()
    await settle()
    assert len(journal.writes) == 1
