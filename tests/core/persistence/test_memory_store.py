"""The reference store: what every other store does as well."""

import pytest
from casty.errors import ConfigError, JournalError, SequenceConflictError
from casty.journals.memory import PROVIDER, MemoryStore
from casty.plugins import NoOptions
from casty.spi.journal import SnapshotRecord

from tests.core.persistence.fakes import event


def snapshot(sequence_nr: int, payload: bytes = b"s") -> SnapshotRecord:
    return SnapshotRecord("a", sequence_nr, "bank.Account", 1, payload, 1.5)


async def test_a_group_must_follow_the_highest_event() -> None:
    store = MemoryStore()
    outcomes = await store.append(
        [
            [event("a", 1), event("a", 2)],
            [event("a", 2, writer="late")],
            [event("a", 4)],
            [event("a", 3), event("a", 5)],
            [event("a", 3), event("b", 4)],
            [],
            [event("a", 3, writer="other")],
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        SequenceConflictError,
        SequenceConflictError,
        SequenceConflictError,
        SequenceConflictError,
        type(None),
        type(None),
    ]
    assert await store.replay("a", 0, 99, 99) == [event("a", 1), event("a", 2), event("a", 3, writer="other")]
    assert await store.replay("b", 0, 99, 99) == []


async def test_what_was_decided_on_top_of_a_refused_event_is_refused() -> None:
    store = MemoryStore()
    await store.append([[event("a", 1, writer="winner")]])
    refused, behind = await store.append([[event("a", 1, writer="loser")], [event("a", 2, writer="loser")]])
    assert isinstance(refused, SequenceConflictError)
    assert isinstance(behind, SequenceConflictError)
    assert "refused" in str(behind)
    assert await store.highest_sequence_nr("a") == 1


async def test_an_id_with_nul_is_refused_alone() -> None:
    store = MemoryStore()
    refused, stored = await store.append([[event("a\0b", 1)], [event("a", 1)]])
    assert isinstance(refused, JournalError)
    assert "NUL" in str(refused)
    assert stored is None


@pytest.mark.parametrize(
    ("low", "high", "limit", "expected"),
    [
        (0, 99, 99, [1, 2, 3, 4, 5]),
        (2, 4, 99, [2, 3, 4]),
        (3, 3, 99, [3]),
        (2, 99, 2, [2, 3]),
        (4, 3, 99, []),
        (1, 99, 0, []),
        (6, 99, 99, []),
        (-5, 0, 99, []),
    ],
)
async def test_replay_is_inclusive_and_limited(low: int, high: int, limit: int, expected: list[int]) -> None:
    store = MemoryStore()
    await store.append([[event("a", number) for number in range(1, 6)]])
    assert [record.sequence_nr for record in await store.replay("a", low, high, limit)] == expected


async def test_highest_sequence_nr() -> None:
    store = MemoryStore()
    assert await store.highest_sequence_nr("a") == 0
    await store.append([[event("a", 1), event("a", 2)]])
    assert await store.highest_sequence_nr("a") == 2


async def test_an_older_snapshot_never_replaces_a_newer_one() -> None:
    store = MemoryStore()
    await store.save_snapshot(snapshot(10), keep=1)
    await store.save_snapshot(snapshot(5), keep=1)
    assert await store.load_snapshot("a", 99) == snapshot(10)
    assert await store.load_snapshot("a", 9) is None


async def test_the_newest_snapshots_are_kept() -> None:
    store = MemoryStore()
    for number in (1, 2, 3):
        await store.save_snapshot(snapshot(number), keep=2)
    assert await store.load_snapshot("a", 99) == snapshot(3)
    assert await store.load_snapshot("a", 2) == snapshot(2)
    assert await store.load_snapshot("a", 1) is None
    assert await store.load_snapshot("b", 99) is None


async def test_each_opening_of_the_url_is_a_store_of_its_own() -> None:
    async with (
        PROVIDER.open("memory://", NoOptions()) as one,
        PROVIDER.open("memory://", NoOptions()) as other,
    ):
        await one.append([[event("a", 1)]])
        assert await other.highest_sequence_nr("a") == 0


async def test_the_url_takes_no_name() -> None:
    with pytest.raises(ConfigError, match="write memory:// for"):
        async with PROVIDER.open("memory://bank", NoOptions()):
            pass
