"""The steps of a shard on one node: one after the other, and none before the entities of the last epoch have ended."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from casty.errors import FencedError
from casty.extension import Shards, Throttle
from casty.testing import ManualClock, settle
from casty_cluster.protocol.sharding.effects import Claim, Drain, Halt, Run
from casty_cluster.replication.region_copies import RegionCopies
from casty_cluster.sharding import hosting
from casty_cluster.sharding.hosting import Hosting


class FakeEntities:
    """Drains when the test says so."""

    def __init__(self) -> None:
        self.drained = asyncio.Event()

    async def drain(self) -> None:
        await self.drained.wait()


class FakeShards:
    """Records what is opened and closed; closing takes until the test says so."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.current: dict[int, FakeEntities] = {}
        self.may_close = asyncio.Event()

    @property
    def numbers(self) -> list[int]:
        return list(self.current)

    def get(self, number: int) -> FakeEntities | None:
        return self.current.get(number)

    def open(self, number: int) -> FakeEntities:
        self.events.append(f"open {number}")
        entities = self.current[number] = FakeEntities()
        return entities

    async def close(self, number: int) -> None:
        if number in self.current:
            await self.may_close.wait()
            del self.current[number]
            self.events.append(f"closed {number}")


class Part:
    """A hosting whose outcomes are recorded among the events."""

    def __init__(self, copies: object = None) -> None:
        self.shards = FakeShards()
        self.fence: Callable[[int], None] = lambda shard: None
        self.hosting = Hosting(
            "accounts",
            cast(Shards[Any], self.shards),
            self._claim,
            self._report,
            Throttle(ManualClock(), lines=3),
            cast("RegionCopies | None", copies),
        )

    async def _claim(self, shard: int, _: object) -> None:
        self.fence(shard)

    def _report(self, outcome: Any) -> None:
        self.shards.events.append(f"{type(outcome).__name__} {outcome.shard} at {outcome.epoch}")

    async def give(self, *effects: Claim | Run | Drain | Halt) -> list[str]:
        """Carry the effects out, and return what has happened since the last time."""
        for effect in effects:
            self.hosting.carry_out(effect)
        await settle()
        events, self.shards.events = self.shards.events, []
        return events


@pytest.fixture
async def part() -> Part:
    return Part()


async def test_a_shard_is_claimed_runs_and_is_drained(part: Part) -> None:
    assert await part.give(Claim(7, 1)) == ["Claimed 7 at 1"]
    assert await part.give(Run(7, 1)) == ["open 7"]
    assert await part.give(Drain(7, 1)) == []
    part.shards.current[7].drained.set()
    assert await part.give() == []
    part.shards.may_close.set()
    assert await part.give() == ["closed 7", "Drained 7 at 1"]


class FakeCopies:
    """Have caught up when the test says so."""

    def __init__(self) -> None:
        self.have_caught_up = asyncio.Event()

    async def caught_up(self, shard: int) -> None:
        await self.have_caught_up.wait()

    def abandon(self, shard: int, reason: str) -> None: ...


async def test_a_shard_is_drained_when_its_other_copies_have_caught_up() -> None:
    copies = FakeCopies()
    part = Part(copies)
    part.shards.may_close.set()
    await part.give(Claim(7, 1), Run(7, 1))
    part.shards.current[7].drained.set()
    assert await part.give(Drain(7, 1)) == ["closed 7"]
    copies.have_caught_up.set()
    assert await part.give() == ["Drained 7 at 1"]


async def test_a_halt_ends_the_wait_for_copies() -> None:
    part = Part(FakeCopies())
    part.shards.may_close.set()
    await part.give(Claim(7, 1), Run(7, 1))
    part.shards.current[7].drained.set()
    assert await part.give(Drain(7, 1)) == ["closed 7"]
    assert await part.give(Halt(7, 1, "overdue")) == ["Drained 7 at 1"]


async def test_a_halt_ends_a_drain_and_reports_once_all_has_stopped(part: Part) -> None:
    await part.give(Claim(7, 1))
    await part.give(Run(7, 1))
    assert await part.give(Drain(7, 1), Halt(7, 1, "overdue")) == []
    part.shards.may_close.set()
    assert await part.give() == ["closed 7", "Drained 7 at 1"]


async def test_no_epoch_is_claimed_before_the_entities_of_the_one_before_have_ended(part: Part) -> None:
    await part.give(Claim(7, 1))
    await part.give(Run(7, 1))
    assert await part.give(Halt(7, 1, "granted anew"), Claim(7, 2), Halt(7, 2, "and again"), Claim(7, 3)) == []
    part.shards.may_close.set()
    assert await part.give() == ["closed 7", "Drained 7 at 1", "Drained 7 at 2", "Claimed 7 at 3"]


@pytest.mark.parametrize(
    ("held", "pause", "is_reported"),
    [(2, 3600.0, True), (1, 3600.0, False), (None, 3600.0, False), (None, 0.0, True)],
)
async def test_a_refusal_that_no_higher_epoch_will_change_is_reported_after_a_pause(
    part: Part, held: int | None, pause: float, is_reported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a journal that refuses each claim is asked again as fast as messages go to the coordinator and back."""
    monkeypatch.setattr(hosting, "FIRST_PAUSE", pause)

    def refuse(_: int) -> None:
        raise FencedError("another owner", held=held)

    part.fence = refuse
    assert await part.give(Claim(7, 1)) == (["ClaimRefused 7 at 1"] if is_reported else [])
    await part.hosting.close()


async def test_shards_do_not_wait_for_each_other(part: Part) -> None:
    await part.give(Claim(7, 1))
    await part.give(Run(7, 1), Halt(7, 1, "stopped"))
    assert await part.give(Claim(8, 1)) == ["Claimed 8 at 1"]
    await part.hosting.close()


async def test_all_shards_stop_where_the_node_is_no_member_any_more(part: Part) -> None:
    await part.give(Claim(7, 1), Claim(8, 1))
    await part.give(Run(7, 1), Run(8, 1), Drain(8, 1))
    part.hosting.halt_all()
    part.shards.may_close.set()
    assert sorted(await part.give()) == ["closed 7", "closed 8"]
    assert await part.give(Claim(7, 9)) == ["Claimed 7 at 9"]


async def test_closing_cancels_what_has_not_ended(part: Part) -> None:
    await part.give(Claim(7, 1))
    await part.give(Run(7, 1), Drain(7, 1))
    await part.hosting.close()
    assert not part.hosting._steps


async def test_an_outage_of_the_journal_is_a_few_lines_of_the_log_however_many_shards_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    part, attempts = Part(), list[int]()

    def away(shard: int) -> None:
        attempts.append(shard)
        raise OSError("the journal is away")

    part.fence = away
    for shard in range(100):
        part.hosting.carry_out(Claim(shard, 1))
    await settle()
    assert attempts[:100] == list(range(100)), "on a busy machine, the next attempts have begun"
    assert len([record for record in caplog.records if "cannot be claimed" in record.getMessage()]) == 3
    await part.hosting.close()
