"""All events in one order, in which none appears late."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.schema import LOCK_CLASS
from casty_journal_postgres.store import PostgresStore, open_store

from tests.journal_postgres.fakes import event
from tests.journal_postgres.server import Admin, connected, until_waiting

WRITERS = 8
APPENDS = 60
EVENTS = 5


async def test_events_are_read_in_the_order_of_their_appends(store: PostgresStore) -> None:
    groups = [[event("b", 1)], [event("a", 1), event("a", 2)], [event("c", 1)], [event("a", 3)]]
    await store.append(groups)
    await store.append([[event("b", 2)]])
    expected = [record for group in [*groups, [event("b", 2)]] for record in group]
    found = await store.read(0, 100)
    assert [record for _, record in found] == expected
    offsets = [offset for offset, _ in found]
    assert offsets == sorted(set(offsets))
    assert offsets[0] >= 1
    pages = [await store.read(0, 2), await store.read(offsets[1], 2), await store.read(offsets[3], 100)]
    assert [item for page in pages for item in page] == found
    assert await store.read(offsets[-1], 100) == []
    assert await store.read(0, 0) == []


async def test_an_offset_from_nowhere_hides_nothing_from_others(store: PostgresStore) -> None:
    assert await store.read(1_000_000, 10) == []
    await store.append([[event("a", 1)]])
    assert len(await store.read(0, 10)) == 1
    assert store._settled < 1_000_000


async def test_events_are_found_by_any_of_their_tags(store: PostgresStore) -> None:
    red, both, none, blue = (
        event("a", 1, tags=("red",)),
        event("a", 2, tags=("red", "bl,ue")),
        event("a", 3),
        event("b", 1, tags=("bl,ue",)),
    )
    await store.append([[red, both, none], [blue]])
    for tags, expected in (
        (["red"], [red, both]),
        (["bl,ue"], [both, blue]),
        (["red", "bl,ue"], [red, both, blue]),
        (["ue"], []),
        ([], [red, both, none, blue]),
    ):
        assert [record for _, record in await store.read(0, 10, tags)] == expected
    assert [record for _, record in await store.read(0, 1, ["bl,ue"])] == [both]


async def test_entity_ids_are_listed_by_their_bytes(store: PostgresStore) -> None:
    names = ["Z", "a", "ab", "b", "ä", "口", "🏦"]
    for number in (1, 2):
        await store.append([[event(name, number)] for name in reversed(names)])
    assert await store.entity_ids("", 100) == names
    assert await store.entity_ids("", 3) == names[:3]
    assert await store.entity_ids("ab", 3) == ["b", "ä", "口"]
    assert await store.entity_ids("🏦", 3) == []
    assert await store.entity_ids("", 0) == []


async def write_from_all_sides(dsn: str, options: PostgresOptions) -> None:
    run = uuid4().hex

    async def write(writer: int) -> None:
        async with open_store(dsn, options) as store:
            for number in range(APPENDS):
                groups = [[event(f"{run}-{writer}-{number}-{n}", 1)] for n in range(EVENTS)]
                assert await store.append(groups) == [None] * EVENTS

    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))


async def missed_events(dsn: str, options: PostgresOptions, store: PostgresStore) -> int:
    """How many events a reader has not been shown while 8 others were writing."""
    writing = asyncio.create_task(write_from_all_sides(dsn, options))
    seen: set[int] = set()
    last, finished = 0, False
    while True:
        finished = finished or writing.done()
        page = await store.read(last, 50)
        if finished and not page:
            break
        seen.update(offset for offset, _ in page)
        last = page[-1].offset if page else last
    await writing
    stored = {offset for offset, _ in await store.read(0, 10**6)}
    return len(stored - seen)


async def delay_commits(admin: Admin, options: PostgresOptions) -> None:
    """Each by another few milliseconds, so that they do not come in the order in which they took their numbers."""
    await admin.execute(f"""
        CREATE FUNCTION {options.schema}.delay() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(random() * 0.005); RETURN NULL; END $$;
        CREATE TRIGGER delay AFTER INSERT ON {options.schema}.events EXECUTE FUNCTION {options.schema}.delay()
    """)


async def test_a_reader_misses_no_event_of_8_writers(
    dsn: str, options: PostgresOptions, store: PostgresStore, admin: Admin
) -> None:
    await delay_commits(admin, options)
    assert await missed_events(dsn, options, store) == 0
    assert len(await store.read(0, 10**6)) == WRITERS * APPENDS * EVENTS


def take_part(options: PostgresOptions) -> str:
    return f"SELECT pg_advisory_xact_lock_shared({LOCK_CLASS}, '{options.schema}.events'::regclass::oid::integer)"


@asynccontextmanager
async def undecided_event(dsn: str, options: PostgresOptions) -> AsyncGenerator[Admin]:
    """A connection with an open transaction: an append that has taken its number."""
    async with connected(dsn) as slow:
        await slow.execute(f"""
            BEGIN; {take_part(options)};
            INSERT INTO {options.schema}.events VALUES
                (nextval('{options.schema}.ordering'), 'slow', 1, 0, 'w', '', 'm', 1, '', 0, NULL, 0)
        """)
        yield slow


@pytest.mark.parametrize("outcome", ["COMMIT", "ROLLBACK"])
async def test_an_event_is_not_shown_before_those_ahead_of_it_are_decided(
    dsn: str, options: PostgresOptions, store: PostgresStore, admin: Admin, outcome: str
) -> None:
    async with undecided_event(dsn, options) as slow:
        await store.append([[event("fast", 1)]])
        reading = asyncio.create_task(store.read(0, 10))
        await until_waiting(admin, f"%{options.schema}%settled%")
        assert not reading.done()
        await slow.execute(outcome)
        expected = ["slow", "fast"] if outcome == "COMMIT" else ["fast"]
        assert [record.entity_id for _, record in await reading] == expected


async def test_a_reader_that_does_not_wait_misses_an_event(
    dsn: str, options: PostgresOptions, store: PostgresStore, admin: Admin
) -> None:
    await admin.execute(f"""
        CREATE OR REPLACE FUNCTION {options.schema}.settled() RETURNS bigint LANGUAGE sql AS
            $$ SELECT coalesce(max(ordering), 0) FROM {options.schema}.events $$
    """)
    async with undecided_event(dsn, options) as slow:
        await store.append([[event("fast", 1)]])
        ((last, fast),) = await store.read(0, 10)
        await slow.execute("COMMIT")
    assert fast.entity_id == "fast"
    assert await store.read(last, 10) == []
    assert len(await store.read(0, 10)) == 2


async def test_a_reader_at_the_end_keeps_no_writer_waiting(
    dsn: str, options: PostgresOptions, store: PostgresStore
) -> None:
    await store.append([[event("a", 1)]])
    ((last, _),) = await store.read(0, 10)
    async with connected(dsn) as writer:
        await writer.execute(f"BEGIN; {take_part(options)}")
        assert await store.read(last, 10) == []
        assert len(await store.read(0, 10)) == 1
