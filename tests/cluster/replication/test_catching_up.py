"""A long history is caught up while its entity writes. `catching_up` as a program does it with a million events."""

import pytest
from casty import InMemoryJournal, SnapshotEvery
from casty_cluster.protocol.sharding import coordinator

from tests.cluster.replication.catching_up import catch_up


@pytest.fixture(autouse=True)
def frequent_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "REBALANCE_INTERVAL", 0.2)


@pytest.mark.parametrize(
    ("events", "snapshots"), [(50_000, SnapshotEvery(7_000)), (50_000, None)], ids=["with snapshots", "without"]
)
async def test_a_new_copy_of_a_long_history_is_in_step_while_the_entity_writes(
    events: int, snapshots: SnapshotEvery | None
) -> None:
    journals: list[InMemoryJournal] = []

    def journal() -> InMemoryJournal:
        journals.append(InMemoryJournal())
        return journals[-1]

    figures = await catch_up(events, snapshots, journal)
    assert figures.events >= events + 10 * len(figures.latencies), "all that was acknowledged is part of the state"
    assert len(figures.latencies) > 5
    sizes = [await size_in(journal) for journal in journals]
    assert all((size < 1_000_000) == (snapshots is not None) for size in sizes), sizes


async def size_in(journal: InMemoryJournal) -> int:
    """Bytes of all that is kept."""
    store = (await journal.open()).store
    records = [await store.replay(name, 1, 2**62, 1_000_000) async for name in journal.entity_ids()]
    await journal.aclose()
    return sum(len(record.payload) for of_one in records for record in of_one)
