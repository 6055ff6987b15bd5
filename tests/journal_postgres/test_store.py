"""What the store keeps, refuses and remembers."""

import asyncio

import pytest
from casty.errors import JournalClosedError, JournalError, SequenceConflictError
from casty.spi.journal import EventRecord
from casty_journal_postgres import connections
from casty_journal_postgres import failures as failing
from casty_journal_postgres import store as stores
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import PostgresStore, open_store

from tests.journal_postgres.fakes import event, everything, numbers, snapshot
from tests.journal_postgres.server import Admin


async def test_what_is_stored_is_what_comes_back(store: PostgresStore) -> None:
    records = [
        event("a", 1, bytes(range(256))),
        event("a", 2, b""),
        event("a", 3, b"\xff" * 1024 * 1024),
        event("a", 4, tags=("red", "grün", "a,b", '"\\{}', "NULL", "")),
    ]
    assert await store.append([records]) == [None]
    assert await everything(store) == records


@pytest.mark.parametrize("entity_id", ["Konto-ÄÖÜ-口座-🏦", "'; DROP TABLE events; --", "%_", " ", "", "x" * 2500])
async def test_any_text_is_an_id(store: PostgresStore, entity_id: str) -> None:
    assert await store.append([[event(entity_id, 1)], [event("other", 1)]]) == [None, None]
    assert await everything(store, entity_id) == [event(entity_id, 1)]
    assert await store.highest_sequence_nr(entity_id) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (event("a\0b", 1), "NUL"),
        (event("\ud800", 1), "surrogates not allowed"),
        (event("".join(map(chr, range(0x4E00, 0x5200))), 1), "use ids of at most 2,500 bytes"),
        (event("b", 1, tags=("a\0b",)), "0x00"),
        (event("b", 1)._replace(version=2**70), "out of int32 range"),
    ],
    ids=["NUL", "surrogate", "too long", "NUL in a tag", "too large"],
)
async def test_what_no_database_stores_fails_alone(store: PostgresStore, bad: EventRecord, reason: str) -> None:
    before, refused, after = await store.append([[event("a", 1)], [bad], [event("a", 2)]])
    assert isinstance(refused, JournalError)
    assert reason in str(refused)
    assert before is after is None
    assert await numbers(store) == [1, 2]


async def test_among_many_groups_a_bad_one_alone_is_refused(store: PostgresStore) -> None:
    groups = [[event(f"e{number}", 1)] for number in range(500)]
    groups[123] = [event("bad", 1, tags=("\0",)), event("bad", 2)]
    groups[400] = [event("bad", 1, b"decided on top of what was refused")]
    outcomes = await store.append(groups)
    assert [index for index, outcome in enumerate(outcomes) if outcome is not None] == [123, 400]
    assert isinstance(outcomes[400], SequenceConflictError)
    assert len(await store.entity_ids("", 1000)) == 498


async def test_an_id_with_nul_has_no_events_and_no_snapshot(store: PostgresStore) -> None:
    assert await everything(store, "a\0b") == []
    assert await store.highest_sequence_nr("a\0b") == 0
    assert await store.load_snapshot("a\0b", 9) is None
    with pytest.raises(JournalError, match="0x00"):
        await store.save_snapshot(snapshot(1)._replace(entity_id="a\0b"), keep=2)


async def test_conflicts_and_gaps_are_refused_alone(store: PostgresStore) -> None:
    assert await store.append([[event("a", 1), event("a", 2)]]) == [None]
    outcomes = await store.append(
        [
            [event("a", 2, b"other")],
            [event("a", 4)],
            [event("b", 2)],
            [event("a", 3), event("a", 5)],
            [],
            [event("a", 3, writer="other")],
            [event("c", 1)],
            [event("a", 4, writer="other")],
        ]
    )
    refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, SequenceConflictError)]
    assert refused == [0, 1, 2, 3]
    assert [index for index, outcome in enumerate(outcomes) if outcome is None] == [4, 5, 6, 7]
    assert await numbers(store) == [1, 2, 3, 4]
    assert await everything(store, "b") == []


@pytest.mark.parametrize("remembered", [True, False])
async def test_what_was_decided_on_top_of_a_refused_event_is_refused(
    dsn: str, options: PostgresOptions, store: PostgresStore, remembered: bool
) -> None:
    await store.append([[event("a", 1)]])
    async with open_store(dsn, options) as other:
        winner = store if remembered else other  # else only the table refuses the store's append
        await winner.append([[event("a", 2, writer="winner")]])
    refused, behind, neighbour = await store.append([[event("a", 2)], [event("a", 3)], [event("b", 1)]])
    assert isinstance(refused, SequenceConflictError)
    assert isinstance(behind, SequenceConflictError)
    assert neighbour is None
    assert await numbers(store) == [1, 2]


async def test_a_repeated_group_succeeds_and_is_not_stored_again(
    dsn: str, options: PostgresOptions, store: PostgresStore
) -> None:
    groups = [[event("a", 1), event("a", 2)], [event("a", 3)], [event("b", 1)]]
    assert await store.append(groups) == [None, None, None]
    assert await store.append(groups) == [None, None, None]
    async with open_store(dsn, options) as other:
        assert await other.append([*groups, [event("a", 4)], [event("a", 4)]]) == [None] * 5
    assert await store.append([[event("a", 3), event("a", 4)], [event("a", 5)]]) == [None, None]
    assert await numbers(store) == [1, 2, 3, 4, 5]
    (half_known,) = await store.append([[event("a", 5), event("a", 6)]])
    assert isinstance(half_known, SequenceConflictError)


async def test_another_writer_is_noticed(dsn: str, options: PostgresOptions, store: PostgresStore) -> None:
    await store.append([[event("a", 1)]])
    async with open_store(dsn, options) as other:
        groups = [[event("a", 2, writer="v"), event("a", 3, writer="v")], [event("b", 1)]]
        assert await other.append(groups) == [None, None]
    conflict, fresh = await store.append([[event("a", 2)], [event("c", 1)]])
    assert isinstance(conflict, SequenceConflictError)
    assert "cannot store an event 2: its next one is number 4" in str(conflict)
    assert fresh is None
    assert await store.append([[event("a", 4)], [event("b", 2)]]) == [None, None]
    assert await numbers(store) == [1, 2, 3, 4]


async def test_racing_writers_have_one_winner_for_each_number_and_never_a_deadlock(
    dsn: str, options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = []

    def passes(error: Exception) -> bool:
        failures.append(error)
        return failing.passes(error)

    monkeypatch.setattr(connections, "passes", passes)
    names = [f"e{number}" for number in range(400)]
    async with open_store(dsn, options) as one, open_store(dsn, options) as two:
        for number in range(1, 11):
            # In opposite orders, so that each could wait for what the other has.
            results = await asyncio.gather(
                one.append([[event(name, number, writer="one")] for name in names]),
                two.append([[event(name, number, writer="two")] for name in reversed(names)]),
            )
            winners = [first is None for first in results[0]], [second is None for second in reversed(results[1])]
            assert [one_won + two_won for one_won, two_won in zip(*winners, strict=True)] == [1] * len(names)
        assert await numbers(one, names[0]) == list(range(1, 11))
    assert failures == []


async def test_a_group_is_stored_whole_or_not_at_all(
    store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await admin.execute(f"""
        CREATE FUNCTION {options.schema}.tear() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.payload = 'BAD' THEN RAISE 'a torn group'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER tear BEFORE INSERT ON {options.schema}.events
            FOR EACH ROW EXECUTE FUNCTION {options.schema}.tear()
    """)
    torn = [event("a", 1), event("a", 2, b"BAD"), event("a", 3)]
    before, failed, behind, after = await store.append([[event("b", 1)], torn, [event("a", 4)], [event("b", 2)]])
    assert before is after is None
    assert isinstance(failed, JournalError)
    assert "events 1 to 3 of the entity 'a' cannot be stored by PostgreSQL: a torn group" in str(failed)
    assert isinstance(behind, SequenceConflictError)
    assert await everything(store) == []
    assert len(await everything(store, "b")) == 2


@pytest.mark.parametrize(
    ("low", "high", "limit", "expected"),
    [(0, 99, 99, [1, 2, 3, 4, 5]), (2, 4, 99, [2, 3, 4]), (2, 99, 2, [2, 3]), (4, 3, 99, []), (1, 99, 0, [])],
)
async def test_replay_is_inclusive_and_limited(
    store: PostgresStore, low: int, high: int, limit: int, expected: list[int]
) -> None:
    await store.append([[event("a", number) for number in range(1, 6)]])
    assert [record.sequence_nr for record in await store.replay("a", low, high, limit)] == expected


async def test_forgetting_what_is_remembered_changes_nothing(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "REMEMBERED", 2)
    for number in (1, 2, 3):
        assert await store.append([[event(entity, number)] for entity in "abcde"]) == [None] * 5
        (conflict,) = await store.append([[event("a", number, writer="other")]])
        assert isinstance(conflict, SequenceConflictError)
        assert len(store._highest) <= 5


async def test_a_cancelled_append_stores_all_or_nothing_and_the_store_goes_on(store: PostgresStore) -> None:
    for number in range(1, 20, 2):
        group = [event("a", number), event("a", number + 1)]
        appending = asyncio.ensure_future(store.append([group]))
        for _ in range(number % 4 * 2):
            await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait([appending])
        assert await store.append([group]) == [None]
    assert await numbers(store) == list(range(1, 21))


async def test_snapshots_never_go_backwards_and_the_newest_are_kept(store: PostgresStore) -> None:
    assert await store.load_snapshot("a", 99) is None
    for number in (10, 30, 20, 5):
        await store.save_snapshot(snapshot(number), keep=2)
    assert await store.load_snapshot("a", 99) == snapshot(30)
    assert await store.load_snapshot("a", 29) == snapshot(20)
    assert await store.load_snapshot("a", 19) is None
    await store.save_snapshot(snapshot(30, b"again"), keep=2)
    assert await store.load_snapshot("a", 99) == snapshot(30, b"again")


async def test_a_damaged_snapshot_is_passed_over_with_a_warning(
    store: PostgresStore, admin: Admin, options: PostgresOptions, caplog: pytest.LogCaptureFixture
) -> None:
    await store.save_snapshot(snapshot(1), keep=2)
    await store.save_snapshot(snapshot(2), keep=2)
    await admin.execute(f"UPDATE {options.schema}.snapshots SET payload = 'damaged' WHERE sequence_nr = 2")
    assert await store.load_snapshot("a", 99) == snapshot(1)
    assert "the snapshot of 'a' at event 2" in caplog.text


async def test_a_damaged_event_fails_its_entity_only(
    store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await store.append([[event("a", 1), event("a", 2)], [event("b", 1)]])
    await admin.execute(
        f"UPDATE {options.schema}.events SET payload = 'damaged' WHERE entity_id = 'a' AND sequence_nr = 2"
    )
    with pytest.raises(JournalError, match=r"event 2 of 'a' .* is damaged"):
        await everything(store)
    assert await everything(store, "b") == [event("b", 1)]


async def test_a_reopened_journal_holds_what_was_stored(dsn: str, options: PostgresOptions) -> None:
    async with open_store(dsn, options) as store:
        await store.append([[event("a", 1), event("a", 2)]])
        await store.save_snapshot(snapshot(2), keep=2)
        assert await store.claim("a", "w", 7) == 7
    async with open_store(dsn, options) as store:
        assert await everything(store) == [event("a", 1), event("a", 2)]
        assert await store.load_snapshot("a", 99) == snapshot(2)
        assert await store.append([[event("a", 3, epoch=7)]]) == [None]


async def test_a_closed_store_says_so(dsn: str, options: PostgresOptions) -> None:
    async with open_store(dsn, options) as store:
        pass
    with pytest.raises(JournalClosedError):
        await store.append([[event("a", 1)]])
    with pytest.raises(JournalClosedError):
        await everything(store)


async def test_a_commit_is_durable_whatever_the_role_says(dsn: str, admin: Admin, options: PostgresOptions) -> None:
    await admin.execute("SET SESSION AUTHORIZATION DEFAULT; ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    try:
        async with open_store(dsn, options) as store:
            setting = await store.connections.append(lambda connection: connection.fetchval("SHOW synchronous_commit"))
    finally:
        await admin.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    assert setting == "on"
