"""Durable class-based actors of a cluster on one PostgreSQL, whose processes are killed: acknowledged changes stay, and
every node reads them.
"""

import asyncio
from collections import deque
from pathlib import Path
from random import Random

from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.process import NodeProcess

PROGRAM = "tests.chaos.objects.node"
ACCOUNTS = ("alice", "bob", "carol")
BOOKINGS = 1_000
"""Of each account."""
CLERKS = 4
"""On each node."""
KILLS = 2


async def totals(cluster: Cluster, name: str) -> set[int]:
    return {(await node.do("total", name=name))[0] for node in cluster.running.values()}


async def home_of(cluster: Cluster, name: str) -> NodeProcess:
    """The process that an actor runs in."""
    _, pid = await next(iter(cluster.running.values())).do("total", name=name)
    [home] = [node for node in cluster.running.values() if node.pid == pid]
    return home


async def test_three_changes_are_read_by_every_node_also_after_the_death_of_the_actors_node(
    database: str, tmp_path: Path
) -> None:
    async with Cluster.of(3, tmp_path, network=DirectNetwork, program=PROGRAM, journal=database) as cluster:
        for node in cluster.running.values():
            await node.do("book", name="alice", booking=node.name, amount=1)
        assert await totals(cluster, "alice") == {3}
        await (await home_of(cluster, "alice")).kill()
        assert len(cluster.running) == 2
        assert await totals(cluster, "alice") == {3}


async def test_with_copies_they_are_read_also_after_the_loss_of_the_actors_node_and_its_disk(tmp_path: Path) -> None:
    """Each node has a file of its own, and the one that is lost starts again without."""
    journal = f"sqlite:///{tmp_path}/{{node_id}}.db"
    async with Cluster.of(3, tmp_path, network=DirectNetwork, program=PROGRAM, journal=journal, copies=3) as cluster:
        for node in cluster.running.values():
            await node.do("book", name="alice", booking=node.name, amount=1)
        assert await totals(cluster, "alice") == {3}
        home = await home_of(cluster, "alice")
        await home.kill()
        assert lose(tmp_path / f"{home.name}.db")
        assert len(cluster.running) == 2
        assert await totals(cluster, "alice") == {3}
        again = await cluster.start(home.name)
        await cluster.is_one(within=60.0)
        await again.do("book", name="alice", booking="again", amount=1)
        assert await totals(cluster, "alice") == {4}


def lose(journal: Path) -> bool:
    """Delete a journal, with the files that SQLite has beside it; whether there was one."""
    files = [*journal.parent.glob(f"{journal.name}*")]
    for file in files:
        file.unlink()
    return journal in files


async def test_while_nodes_are_killed_each_booking_counts_once(database: str, random: Random, tmp_path: Path) -> None:
    async with Cluster.of(3, tmp_path, network=DirectNetwork, program=PROGRAM, journal=database) as cluster:
        bookings = deque((account, f"{number}") for number in range(BOOKINGS) for account in ACCOUNTS)
        booked = within = 0
        """Acknowledged bookings, and kills while there were others left."""

        async def clerk(node: NodeProcess) -> None:
            nonlocal booked
            while bookings and not node.has_died:
                account, booking = bookings.popleft()
                try:
                    await node.do("book", name=account, booking=booking, amount=1)
                    booked += 1
                except asyncio.CancelledError:
                    if not node.has_died:
                        raise
                    bookings.append((account, booking))  # its outcome is unknown: another node books it

        async with asyncio.TaskGroup() as group:
            for node in [*cluster.running.values()] * CLERKS:
                group.create_task(clerk(node))
            for account in random.sample(ACCOUNTS, KILLS):
                home = await home_of(cluster, account)
                within += bool(bookings)
                await home.kill()
                again = await cluster.start(home.name)
                await cluster.is_one(within=60.0)
                for _ in range(CLERKS):
                    group.create_task(clerk(again))
        assert within > 0
        assert booked == BOOKINGS * len(ACCOUNTS)
        for account in ACCOUNTS:
            assert await totals(cluster, account) == {BOOKINGS}
