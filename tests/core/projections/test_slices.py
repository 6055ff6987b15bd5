"""Projections in slices: each event belongs to one of them, and all of an entity to the same."""

from typing import Any

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors, Projection, ProjectionError
from casty.errors import ArgumentError, ConfigError
from casty.journal import StoreJournal
from casty.projections import OnError, Slice
from casty.testing import settle

from tests.core.projections.fakes import Database, Deposited, Envelope, database, deposit, insert

ACCOUNTS = [f"account {number}" for number in range(20)]


async def deposits(journal: StoreJournal) -> None:
    for number, account in enumerate(ACCOUNTS):
        await deposit(journal, account, number, 100 + number)


def sums(journal: StoreJournal, target: Database, number: int, count: int) -> Projection[Deposited, list[int]]:
    return Projection("sums", journal, insert, target, part=Slice(number, count), batch_size=7)


async def test_each_event_is_handled_in_one_slice(journal: StoreJournal, target: Database) -> None:
    await deposits(journal)
    counts = [await sums(journal, target, number, 3).run_once() for number in range(3)]
    assert sorted(target.rows) == [*range(20), *range(100, 120)]
    assert sum(counts) == 40
    assert all(count > 0 for count in counts)


async def test_all_events_of_an_entity_are_in_one_slice_and_in_order(journal: StoreJournal) -> None:
    await deposits(journal)
    for number in range(3):
        target = database()
        await sums(journal, target, number, 3).run_once()
        assert {row % 100 for row in target.rows if row < 100} == {row % 100 for row in target.rows if row >= 100}


async def test_slices_have_offsets_of_their_own(journal: StoreJournal, target: Database) -> None:
    await deposits(journal)
    projections = [sums(journal, target, number, 2) for number in range(2)]
    assert [projection.name for projection in projections] == ["sums/0-of-2", "sums/1-of-2"]
    await projections[0].run_once()
    assert (await projections[0].lag()).offsets == 0
    assert (await projections[1].lag()).offsets == 40


async def test_a_slice_without_events_reaches_the_end_of_the_journal(journal: StoreJournal, target: Database) -> None:
    await deposit(journal, "alone", *range(30))
    empty = next(number for number in range(2) if not Slice(number, 2).has("alone"))
    projection = sums(journal, target, empty, 2)
    assert await projection.run_once() == 0
    assert (await projection.lag()).offsets == 0


async def test_an_event_that_cannot_be_handled_stops_its_slice_only(journal: StoreJournal, target: Database) -> None:
    async def refuse(rows: list[int], envelope: Envelope) -> None:
        if envelope.entity_id == ACCOUNTS[5]:
            raise ValueError(envelope.entity_id)
        await insert(rows, envelope)

    await deposits(journal)
    for number in range(3):
        part = Slice(number, 3)
        projection = Projection("sums", journal, refuse, target, part=part, on_error=OnError.stop)
        if part.has(ACCOUNTS[5]):
            with pytest.raises(ProjectionError, match="sums/"):
                await projection.run_once()
        else:
            assert await projection.run_once() > 0
            assert (await projection.lag()).offsets == 0


async def test_daemons_run_the_slices_of_a_projection(
    journal: StoreJournal, target: Database, actor_system: ActorSystem
) -> None:
    def follower(number: int) -> Behavior[Any]:
        async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
            ctx.pipe_to_self(sums(journal, target, number, 4).run())
            return Behaviors.ignore()

        return Behaviors.setup(setup)

    await deposits(journal)
    actor_system.spawn(Behaviors.daemons(follower, 4), "followers")
    while len(target.rows) < 40:
        await settle()
    assert sorted(target.rows) == [*range(20), *range(100, 120)]


@pytest.mark.parametrize(("number", "count"), [(2, 2), (-1, 2), (0, 0), (0.5, 2), ("0", 2)])
def test_a_slice_that_cannot_be_is_refused(number: Any, count: Any) -> None:
    with pytest.raises(ArgumentError, match="of Slice"):
        Slice(number, count)


def test_a_pair_is_no_slice(journal: StoreJournal) -> None:
    pair: Any = (0, 2)
    with pytest.raises(ConfigError, match=r"Slice\(number, count\), from casty.projections; it is \(0, 2\)"):
        Projection("sums", journal, insert, part=pair)
