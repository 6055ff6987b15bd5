"""The fences of shards: claimed before entities run, with the coordinator's epoch; an owner that loses one stops."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorStoppedError,
    Behavior,
    Behaviors,
    CastyConfig,
    InMemoryJournal,
    JournalUnavailableError,
    RegionRef,
)
from casty.config import JournalConfig
from casty.errors import FencedError
from casty.journals.memory import MemoryStore
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.protocol.sharding.coordinator import GRANTS
from casty_cluster.sharding.feature import Sharding


@dataclass(frozen=True)
class Add:
    """Store an amount, and answer with the sum."""

    amount: int
    reply_to: ActorRef[int]


def added(total: int, amount: int) -> int:
    return total + amount


def ledger(entity_id: str, journal: Any) -> Behavior[Any]:
    async def on_command(ctx: ActorContext[Any], total: int, command: Add) -> Behavior[Any]:
        return Behaviors.persisted([command.amount], reply=(command.reply_to, total + command.amount))

    return Behaviors.event_sourced(
        entity_id=entity_id,
        initial_state=0,
        on_event=added,
        on_command=on_command,
        journal=journal,
    )


def spawn(node: ClusteredActorSystem, journal: Any, **options: Any) -> RegionRef[Any]:
    return node.spawn(Behaviors.sharded(lambda entity: ledger(entity, journal), num_shards=1, **options), "ledgers")


async def add(region: RegionRef[Any], amount: int, entity: str = "alice") -> int:
    return await region.entity(entity).ask(lambda r: Add(amount, r))


async def store_of(journal: InMemoryJournal) -> MemoryStore:
    return cast(MemoryStore, (await journal.open()).store)


async def test_events_are_written_under_the_fence_of_their_shard_with_the_coordinator_s_epoch() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster:
        regions = [spawn(node, journal) for node in cluster]
        assert await add(regions[1], 5) == 5
        key, (owner, epoch) = next(iter((await store_of(journal))._fences.items()))
        assert key == "shard/ledgers/0"
        number = cluster[0].members[0].up_number
        assert epoch == (number << GRANTS) + 1, "the first grant of the first member"
        records = await (await store_of(journal)).replay("alice", 1, 10, 10)
        assert [(record.epoch, record.writer) for record in records] == [(epoch, owner)]


async def test_a_new_cluster_on_an_old_journal_fails_no_ask() -> None:
    """Its epochs are above those of the earlier cluster: no claim is refused, where messages wait for entities."""
    async with InMemoryJournal() as journal:
        for total in (5, 10, 15):
            async with DevelopmentCluster(2) as cluster:
                regions = [spawn(node, journal) for node in cluster]
                assert await add(regions[1], 5) == total


async def test_state_follows_an_entity_to_the_node_that_gets_its_shard() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster:
        first, second = cluster
        regions = [spawn(node, journal) for node in cluster]
        assert await add(regions[1], 5) == 5
        owner, heir = (0, 1) if first.features.find(Sharding).regions["ledgers"].has_shards else (1, 0)
        await [first, second][owner].leave()
        assert await add(regions[heir], 1) == 6


async def test_an_owner_that_lost_its_fence_writes_no_more_and_the_shard_starts_above_the_new_epoch() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster:
        regions = [spawn(node, journal) for node in cluster]
        assert await add(regions[0], 5) == 5
        await (await store_of(journal)).claim("shard/ledgers/0", "stranger", 2**60)
        with pytest.raises(FencedError):
            await add(regions[1], 100)
        assert await add(regions[1], 1) == 6
        assert (await store_of(journal))._fences["shard/ledgers/0"][1] == 2**60 + 1


async def test_an_entity_that_starts_behind_a_lost_fence_has_its_shard_granted_anew() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(1) as (node,):
        region = spawn(node, journal)
        assert await add(region, 5) == 5
        await (await store_of(journal)).claim("shard/ledgers/0", "stranger", 2**60)
        with pytest.raises(ActorStoppedError):
            await add(region, 100, "bob")
        assert await add(region, 1, "bob") == 1


async def test_a_cluster_on_an_old_journal_starts_above_the_epochs_of_the_one_before() -> None:
    async with InMemoryJournal() as journal:
        await (await store_of(journal)).claim("shard/ledgers/0", "of an earlier cluster", 2**60)
        async with DevelopmentCluster(1) as (node,):
            assert await add(spawn(node, journal, remember_entities=journal), 5) == 5


async def test_a_shard_does_not_start_while_the_journal_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(1) as (node,):
        attempts = list[str]()
        claim = MemoryStore.claim

        async def failing(store: MemoryStore, key: str, owner: str, epoch: int | None = None) -> int:
            attempts.append(key)
            if len(attempts) < 3:
                raise [JournalUnavailableError("away"), KeyError("a stranger's error")][len(attempts) - 1]
            return await claim(store, key, owner, epoch)

        monkeypatch.setattr(MemoryStore, "claim", failing)
        monkeypatch.setattr("casty_cluster.sharding.hosting.FIRST_PAUSE", 0.01)
        region = spawn(node, journal, remember_entities=journal)
        assert await add(region, 5) == 5
        assert len(attempts) >= 3


async def test_a_hand_off_ends_a_claim_that_waits_for_its_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(1) as (node,):
        waits = asyncio.Event()

        async def waiting(*_: Any) -> int:
            waits.set()
            await asyncio.Event().wait()
            return 0

        monkeypatch.setattr(MemoryStore, "claim", waiting)
        spawn(node, journal, remember_entities=journal)
        await waits.wait()
        async with asyncio.timeout(5):
            await node.leave()


@pytest.mark.parametrize("place", ["remembered", "configured"])
async def test_a_journal_of_one_node_is_warned_of_with_the_cure_at_spawn(
    place: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.WARNING, logger="casty.sharding")
    settings = JournalConfig(url=f"sqlite:///{tmp_path / 'events.db'}" if place == "configured" else None)
    async with InMemoryJournal() as memory, DevelopmentCluster(1, config=CastyConfig(journal=settings)) as (node,):
        remembered = place == "remembered"
        region = spawn(node, memory, remember_entities=memory) if remembered else spawn(node, None)
        (warning,) = [text for record in caplog.records if "PostgresJournal" in (text := record.getMessage())]
        assert warning.startswith("the region ledgers has its events in a journal of this node alone: ")
        assert warning.endswith(", or replication=ReplicationConfig(...)")
        await add(region, 1)
        assert caplog.text.count("PostgresJournal") == 1


def picky(entity_id: str) -> Behavior[Any]:
    if not entity_id.startswith("account-"):
        raise LookupError(entity_id)
    return Behaviors.ignore()


async def test_a_journal_that_only_code_names_is_warned_of_with_the_first_entity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(1) as (node,):
        region = spawn(node, journal)
        await add(region, 1)
        await add(region, 1, "bob")
        assert caplog.text.count("PostgresJournal") == 1


async def test_no_journal_is_warned_of_where_entities_keep_no_events(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    config = CastyConfig(journal=JournalConfig(url=f"sqlite:///{tmp_path / 'events.db'}"))
    async with DevelopmentCluster(1, config=config) as (node,):
        node.spawn(Behaviors.sharded(lambda _: Behaviors.ignore()), "plain")
        node.spawn(Behaviors.sharded(picky), "picky")
        node.spawn(Behaviors.sharded(lambda entity: ledger(entity, None), role="absent"), "elsewhere")
    assert "journal of this node" not in caplog.text
