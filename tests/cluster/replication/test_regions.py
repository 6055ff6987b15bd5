"""Replicated regions on nodes with a journal each: any one of them may die with its disk."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from casty import Behaviors, InMemoryJournal, SqliteJournal
from casty.cluster import DevelopmentCluster
from casty.config import CastyConfig, DefaultsConfig, ReplicationOverrides
from casty.errors import ArgumentError, CastyError, ReplicationTimeoutError
from casty.extension import shard_of
from casty.replication import ReplicationConfig
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.sharding import coordinator
from casty_cluster.replication.feature import Copies
from casty_cluster.sharding import feature

from tests.cluster.replication.bank import FAST, Bank, all_have_three_copies, banks, copies_by_shard, index_of_owner
from tests.cluster.replication.journals import UnreliableJournal
from tests.cluster.system.waiting import until


async def stores_nothing(*_: Any) -> Any:
    return Behaviors.same()


ENTITIES = [f"account-{number}" for number in range(8)]
ONE_COPY = ReplicationConfig(replicas=1, min_acks=1, ack_timeout=1.0)


async def test_what_was_acknowledged_survives_the_death_of_the_primary_with_its_disk() -> None:
    async with banks() as (cluster, bank):
        for number in range(40):
            await bank.deposit(cluster[number % 3], ENTITIES[number % 8], number)
        victim = await index_of_owner(cluster, bank, ENTITIES[0])
        await cluster.kill(victim)
        for number in range(40, 80):
            await bank.insist(cluster[number % 2], ENTITIES[number % 8], number)
        await bank.check(cluster[0])
        await bank.check(cluster[1])


async def test_it_survives_in_the_middle_of_deposits() -> None:
    async with banks() as (cluster, bank):
        await bank.deposit(cluster[0], ENTITIES[0], 0)
        victim = await index_of_owner(cluster, bank, ENTITIES[0])
        survivors = [node for index, node in enumerate(cluster) if index != victim]

        async def customer(first: int) -> None:
            for number in range(first, first + 25):
                await bank.insist(survivors[number % 2], ENTITIES[0], number)

        async with asyncio.TaskGroup() as customers:
            for first in range(100, 500, 100):
                customers.create_task(customer(first))
            await until(lambda: len(bank.acknowledged[ENTITIES[0]]) >= 20)
            await cluster.kill(victim)
        assert len(bank.acknowledged[ENTITIES[0]]) == 101
        await bank.check(survivors[0])


async def test_a_node_that_spawns_the_region_without_replication_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(2) as cluster:
        for node, replication in zip(cluster, (None, ReplicationConfig(replicas=1, min_acks=0)), strict=True):
            node.spawn(
                Behaviors.sharded(
                    lambda entity: Behaviors.event_sourced(
                        entity_id=entity, initial_state=0, on_event=int.__add__, on_command=stores_nothing
                    ),
                    replication=replication,
                ),
                "ledgers",
            )
        await until(lambda: "has spawned the region without replication" in caplog.text)
        assert f"{cluster[0].self_node.node} runs no shards" in caplog.text


@pytest.fixture
def frequent_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "REBALANCE_INTERVAL", 0.2)


@pytest.mark.usefixtures("frequent_rounds")
async def test_another_node_takes_the_place_of_a_copy_that_is_gone_for_good() -> None:
    """Two nodes die with their disks, one after the other, and a third copy is made in between."""
    async with banks() as (cluster, bank):
        for number, entity in enumerate(ENTITIES):
            await bank.deposit(cluster[0], entity, number)
        for _ in range(2):
            await cluster.kill(await index_of_owner(cluster, bank, ENTITIES[0]))
            bank.open(await cluster.add_node(**FAST))
            await all_have_three_copies(cluster)
            for number, entity in enumerate(ENTITIES, 100 * len(bank.acknowledged[ENTITIES[0]])):
                await bank.insist(cluster[0], entity, number)
        await bank.check(cluster[1])


def silence(*_: object) -> None:
    """Send nothing."""


async def test_without_enough_copies_an_ask_fails_and_the_entity_goes_on_when_one_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with banks() as (cluster, bank):
        entity = ENTITIES[0]
        await bank.deposit(cluster[0], entity, 1)
        primary = await index_of_owner(cluster, bank, entity)
        node = cluster[primary]
        monkeypatch.setattr(node.features.find(Copies), "send", silence)
        with pytest.raises(ReplicationTimeoutError, match=r"ack_timeout=1 s.*unknown"):
            await bank.deposit(node, entity, 2)
        monkeypatch.undo()
        await bank.deposit(node, entity, 3)
        assert await bank.look(node, entity) == (1, 2, 3)


async def test_all_nodes_start_again_with_their_disks(tmp_path: Path) -> None:
    bank = Bank()
    for number in range(2):
        async with DevelopmentCluster(3, **FAST) as cluster:
            for node in cluster:
                bank.open(node, SqliteJournal(tmp_path / f"{node.self_node.node_id}.db"))
            for entity in ENTITIES:
                await bank.deposit(cluster[0], entity, number, timeout=20.0)
            await bank.check(cluster[2])
            assert await bank.look(cluster[1], ENTITIES[0]) == tuple(range(number + 1))


def back_up(disk: Path, backup: Path) -> None:
    """Also what is in the write-ahead log only."""
    with closing(sqlite3.connect(disk)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)


def put_back(backup: Path, disk: Path) -> None:
    """Without a write-ahead log of the disk that there was, which would bring back what it has."""
    for file in disk.parent.glob(f"{disk.name}*"):
        file.unlink()
    shutil.copy(backup, disk)


@pytest.mark.usefixtures("frequent_rounds")
@pytest.mark.parametrize("old", [1, 2, 3])
async def test_a_node_whose_disk_is_an_old_backup_gets_empty_copies_which_are_caught_up(
    old: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank = Bank()
    backup = tmp_path / "backup.db"
    for number in range(4):
        async with DevelopmentCluster(3, **FAST) as cluster:
            disks = [tmp_path / f"{node.self_node.node_id}.db" for node in cluster]
            if number == 1:
                back_up(disks[old - 1], backup)
            if number == 3:
                put_back(backup, disks[old - 1])
            for node, disk in zip(cluster, disks, strict=True):
                bank.open(node, SqliteJournal(disk))
            for entity in ENTITIES:
                await bank.insist(cluster[0], entity, number)
            await all_have_three_copies(cluster)
            await bank.check(cluster[1])
            found = "is replaced by an empty one: its disk is from before" in caplog.text
            assert found == (number == 3), f"start {number}: {caplog.text}"
            # All at once: nodes that leave one after the other would take copies out of the groups.
            for _ in range(3):
                await cluster.kill(0)


async def test_nodes_that_start_again_first_found_no_shard_whose_copies_are_elsewhere(tmp_path: Path) -> None:
    bank = Bank(ReplicationConfig(replicas=1, min_acks=1), num_shards=10)
    entities = [f"account-{number}" for number in range(30)]

    def open_on(node: ClusteredActorSystem) -> None:
        bank.open(node, SqliteJournal(tmp_path / f"{node.self_node.node_id}.db"))

    def has_a_copy(node: ClusteredActorSystem, entity: str) -> bool:
        copies = bank.copies_on(node)
        return copies is not None and copies.get(shard_of(entity, bank.num_shards)) is not None

    async with DevelopmentCluster(5, **FAST) as cluster:
        for node in cluster:
            open_on(node)
        for entity in entities:
            await bank.deposit(cluster[0], entity, 0, timeout=20.0)
        first = (cluster[0], cluster[1])
        elsewhere = [entity for entity in entities if not any(has_a_copy(node, entity) for node in first)]
        assert elsewhere, "twenty copies are spread evenly over five nodes"
        for _ in range(5):  # those that leave wait until others have their copies
            await cluster.kill(0)
    async with DevelopmentCluster(2, **FAST) as cluster:
        for node in cluster:
            open_on(node)
        with pytest.raises(TimeoutError):
            await bank.deposit(cluster[1], elsewhere[0], 1, timeout=1.0)
        state = await cluster[0].shard_state("accounts")
        [found] = [found for found in state.shards if found.shard == shard_of(elsewhere[0], bank.num_shards)]
        assert found.owner is None
        assert "no node that is there has a copy of it" in found.obstacle
        for _ in range(3):
            open_on(await cluster.add_node())
        await bank.deposit(cluster[0], elsewhere[0], 2, timeout=20.0)
        await bank.check(cluster[4])


async def test_a_primary_that_is_cut_off_acknowledges_nothing_and_follows_its_successor_afterwards() -> None:
    async with banks() as (cluster, bank):
        entity = ENTITIES[0]
        await bank.deposit(cluster[0], entity, 1)
        old = await index_of_owner(cluster, bank, entity)
        others = [index for index in range(3) if index != old]
        cluster.partition([old], others)
        with pytest.raises((CastyError, TimeoutError)):
            await bank.deposit(cluster[old], entity, 2, timeout=1.5)
        await bank.insist(cluster[others[0]], entity, 3)
        cluster.heal()
        await bank.insist(cluster[old], entity, 4)
        await bank.check(cluster[old])


async def test_nodes_that_share_a_journal_object_keep_their_copies_apart() -> None:
    journal, bank = InMemoryJournal(), Bank()
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            bank.open(node, journal)
        await bank.deposit(cluster[0], ENTITIES[0], 1)
        await cluster.kill(await index_of_owner(cluster, bank, ENTITIES[0]))
        await bank.insist(cluster[0], ENTITIES[0], 2)
        await bank.check(cluster[1])


async def test_a_node_that_leaves_hands_its_shards_to_other_copies() -> None:
    async with banks() as (cluster, bank):
        for number, entity in enumerate(ENTITIES):
            await bank.deposit(cluster[0], entity, number)
        leaver = cluster[await index_of_owner(cluster, bank, ENTITIES[0])]
        await leaver.leave()
        stays = next(node for node in cluster if node.is_running)
        for number, entity in enumerate(ENTITIES, 100):
            await bank.insist(stays, entity, number)
        await bank.check(stays)


async def test_a_node_that_leaves_for_good_takes_nothing_with_it_where_a_shard_has_two_copies() -> None:
    bank = Bank(ONE_COPY)
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            bank.open(node)
        for number, entity in enumerate(ENTITIES):
            await bank.deposit(cluster[0], entity, number, timeout=20.0)
        await cluster[2].leave()
        for number, entity in enumerate(ENTITIES, 100):
            await bank.deposit(cluster[0], entity, number, timeout=20.0)
        await bank.check(cluster[1])


async def test_a_node_that_leaves_although_its_copies_are_needed_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feature, "QUIESCE_TIMEOUT", 0.2)
    bank, slow = Bank(ONE_COPY), UnreliableJournal()
    slow.held = asyncio.Event()
    async with DevelopmentCluster(2, **FAST) as cluster:
        for node in cluster:
            bank.open(node)
        await bank.deposit(cluster[0], ENTITIES[0], 0, timeout=20.0)
        bank.open(await cluster.add_node(**FAST), slow)
        leaver = cluster[1 - await index_of_owner(cluster, bank, ENTITIES[0])]
        await leaver.leave()
        slow.held.set()
    assert "or they need its copies: accounts" in caplog.text


async def test_the_configuration_replicates_regions_that_say_nothing() -> None:
    replication = ReplicationOverrides(replicas=1, min_acks=1)
    config = CastyConfig(defaults=DefaultsConfig(replication=replication))
    async with DevelopmentCluster(2, config=config, **FAST) as cluster:
        bank = Bank(replication=ReplicationConfig())
        for node in cluster:
            bank.open(node)
        await bank.deposit(cluster[0], ENTITIES[0], 1)
        await bank.check(cluster[1])
        [copies] = copies_by_shard(cluster).values()
        assert [copy.histories[ENTITIES[0]].last for copy in copies] == [1, 1]


async def test_a_factory_whose_journal_cannot_be_found_out_is_refused() -> None:
    async with DevelopmentCluster(1) as (node,):

        def strict(entity: str) -> Any:
            raise ValueError(entity)

        with pytest.raises(ArgumentError, match=r"its factory raised ValueError.*\[actors\.strict\] journal"):
            node.spawn(Behaviors.sharded(strict, replication=ReplicationConfig(replicas=1)), "strict")
