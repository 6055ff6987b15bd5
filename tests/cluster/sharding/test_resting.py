"""Entities of a cluster that rest, and those that are remembered: passivated without a loss, started by themselves."""

from casty import InMemoryJournal
from casty_cluster import DevelopmentCluster

from tests.cluster.sharding.accounts import Accounts, Number, Where
from tests.cluster.system.waiting import until

IDS = [f"account-{number}" for number in range(12)]


async def test_remembered_entities_start_again_on_the_nodes_that_get_their_shards() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster:
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=6, remember_entities=journal) for node in cluster]
        places = {entity: await regions[0].entity(entity).ask(Where) for entity in IDS}
        assert set(places.values()) == {"node-1", "node-2"}
        await cluster[1].leave()
        await until(lambda: all(("node-1", entity) in accounts.starts for entity in IDS))
        assert accounts.starts.total() == len(IDS) + list(places.values()).count("node-2")


async def test_remembered_entities_of_a_node_that_is_removed_start_again() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster:
        first, second = cluster
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=6, remember_entities=journal) for node in cluster]
        for entity in IDS:
            await regions[0].entity(entity).ask(Where)
        lost = second.self_node.node
        second.node.fall_silent()
        first.node.down(lost)
        await until(lambda: all(("node-1", entity) in accounts.starts for entity in IDS))


async def test_all_remembered_entities_start_with_a_cluster_that_no_message_reaches() -> None:
    async with InMemoryJournal() as journal:
        async with DevelopmentCluster(1) as (node,):
            region = Accounts().spawn(node, num_shards=6, remember_entities=journal)
            for entity in IDS:
                await region.entity(entity).ask(Where)
        async with DevelopmentCluster(2) as cluster:
            accounts = Accounts()
            for node in cluster:
                accounts.spawn(node, num_shards=6, remember_entities=journal)
            await until(lambda: {entity for _, entity in accounts.starts} == set(IDS))
            assert accounts.starts.total() == len(IDS)


async def test_passivated_entities_start_again_with_their_next_message_and_lose_none() -> None:
    async with DevelopmentCluster(2) as cluster:
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=6, limit=2) for node in cluster]
        for number in range(20):
            for entity in IDS:
                regions[number % 2].entity(entity).tell(Number(str(number % 2), number))
        await until(lambda: sum(map(len, accounts.seen.values())) == 20 * len(IDS))
        for handled in accounts.seen.values():
            for sender in ("0", "1"):
                numbers = [entry.number for entry in handled if entry.sender == sender]
                assert numbers == list(range(int(sender), 20, 2))
        await until(lambda: accounts.starts.total() > len(IDS))
