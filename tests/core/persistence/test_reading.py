"""A journal's events in one order, and its entities, as users read them."""

from contextlib import nullcontext

import pytest
from casty import DecodeError, JournalError, UnknownManifestError
from casty.errors import ConfigError
from casty.journal import EventEnvelope, InMemoryJournal, PersistedEvent, StoreJournal
from casty.journals.memory import MemoryStore
from casty.persistence import journal as journals
from casty.persistence import turns
from casty.spi.journal import JournalCapabilities

from tests.core.persistence.fakes import JsonSerializer, event


async def written(*accounts: str) -> InMemoryJournal:
    """One event for each account named, with its place for an amount."""
    journal = InMemoryJournal(serializer=JsonSerializer())
    last = dict.fromkeys(accounts, 0)
    for place, account in enumerate(accounts, 1):
        last[account] += 1
        await journal.persist(account, [PersistedEvent(last[account], place, 1.5)])
    return journal


async def amounts(journal: StoreJournal, after: int = 0, tags: tuple[str, ...] = ()) -> list[int]:
    return [envelope.event async for envelope in journal.events(after, tags)]


async def test_events_come_in_the_order_in_which_they_were_stored() -> None:
    journal = await written("b", "a", "b")
    assert [envelope async for envelope in journal.events()] == [
        EventEnvelope(offset=1, entity_id="b", sequence_nr=1, event=1, timestamp=1.5, tags=()),
        EventEnvelope(offset=2, entity_id="a", sequence_nr=1, event=2, timestamp=1.5, tags=()),
        EventEnvelope(offset=3, entity_id="b", sequence_nr=2, event=3, timestamp=1.5, tags=()),
    ]
    assert await amounts(journal, after=2) == [3]
    assert await amounts(journal, after=3) == []


async def test_events_and_entities_are_read_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PAGE", 3)
    monkeypatch.setattr(journals, "PAGE", 3)
    journal = await written(*"cbacbacbd")
    assert await amounts(journal) == list(range(1, 10))
    assert await amounts(journal, after=1) == list(range(2, 10))
    assert [entity_id async for entity_id in journal.entity_ids()] == list("abcd")


async def test_events_written_while_one_reads_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PAGE", 2)
    journal = await written("a", "b")
    seen: list[int] = []
    async for envelope in journal.events():
        seen.append(envelope.event)
        if len(seen) < 5:
            await journal.persist(f"c{len(seen)}", [PersistedEvent(1, 10 + len(seen), 1.5)])
    assert seen == [1, 2, 11, 12, 13, 14]


async def test_events_with_any_of_the_tags() -> None:
    journal = await written()
    store = (await journal.open()).store
    for number, tags in enumerate([("red",), (), ("blue", "green"), ("green",)], 1):
        tagged = event("a", number, str(number).encode())._replace(tags=tags, serializer="json")
        assert await store.append([[tagged]]) == [None]
    assert await amounts(journal, tags=("red", "blue")) == [1, 3]
    assert await amounts(journal, after=1, tags=("red", "blue")) == [3]
    assert [envelope.tags async for envelope in journal.events(2)] == [("blue", "green"), ("green",)]
    with pytest.raises(ConfigError, match=r"tags must be a list of texts, such as \['red'\]"):
        journal.events(tags="red")


async def test_an_event_that_cannot_be_decoded_is_named() -> None:
    journal = await written("a")
    store = (await journal.open()).store
    assert await store.append([[event("b", 1, b"{")._replace(serializer="json")]]) == [None]
    reading = journal.events()
    assert (await anext(reading)).event == 1
    with pytest.raises(DecodeError) as caught:
        await anext(reading)
    assert caught.value.__notes__ == ["This is event 1 of the entity 'b'.", "It is a 'bank.Deposited' at offset 2."]
    plain = InMemoryJournal()
    assert await (await plain.open()).store.append([[event("b", 1)._replace(manifest="bank.Gone")]]) == [None]
    with pytest.raises(UnknownManifestError, match=r"bank\.Gone"):
        await anext(plain.events())


async def test_a_journal_whose_store_has_no_order_says_so() -> None:
    store = MemoryStore()
    journal = StoreJournal(lambda: nullcontext(store), capabilities=JournalCapabilities(durable=False))
    for read in (journal.events, journal.entity_ids):
        with pytest.raises(JournalError, match=r"events of a StoreJournal cannot be read in one order.*use InMemoryJ"):
            read()
