"""What becomes of the order of messages, and of asks, where moves are not planned."""

import asyncio

import pytest
from casty import ActorStoppedError, CastyError, NodeLostError
from casty.extension import shard_of
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.regions import ARRIVED, ENTITIES, REGION, SHARDS, machines, settle
from tests.simulation.sharding.streams import Hang, Streams, ask_heard
from tests.simulation.test_failover import IN_TIME, WITHIN, paces

SEEDS = 1
SECONDS = 30.0
MANY = 500


async def survive(sim: Simulation) -> int:
    """Partitions, kills, pauses and departures, two at a time; returns how many messages were handled."""
    streams = Streams(sim, 3, planned=False)
    await streams.begin()
    await streams.outlive(SECONDS)
    before = streams.heard.copy()
    await sim.eventually(lambda: hears_all_entities(streams, before), within=20.0)
    await sim.eventually(lambda: sum(streams.heard.values()) > MANY)
    await settle(streams, ARRIVED)
    return sum(streams.heard.values())


def hears_all_entities(streams: Streams, before: dict[tuple[str, int], int]) -> bool:
    lately = {stream[0] for stream, number in streams.heard.items() if number > before.get(stream, 0)}
    return lately == set(ENTITIES)


def test_messages_of_a_sender_stay_in_order_whatever_befalls_the_nodes() -> None:
    assert all(run.result > MANY for run in simulate_seeds(survive, SEEDS))


def owned_by(streams: Streams, name: str) -> list[str]:
    """The entities of the shards that run on a node."""
    pair = machines(streams.systems[name])
    assert pair is not None
    shards = {hosted.shard for hosted in pair.region.owner.hosted}
    return [entity_id for entity_id in ENTITIES if shard_of(entity_id, SHARDS) in shards]


async def take_over(sim: Simulation, failover: str = "default") -> None:
    """Kill a node: how soon an entity that it ran replies from elsewhere, and an ask that was under way to it fails."""
    streams = Streams(sim, 3, planned=False, failover=failover)
    await streams.begin()
    await asyncio.sleep(sim.random.uniform(5.0, 15.0))
    victim = sim.random.choice([name for name in streams.names if owned_by(streams, name)])
    entity_id = sim.random.choice(owned_by(streams, victim))
    asker = sim.random.choice([name for name in streams.names if name != victim])
    system = streams.systems[asker]

    async def in_flight() -> float:
        # Its shard may be about to move just then: the entity stops, without a reply, before its node dies.
        with pytest.raises((NodeLostError, ActorStoppedError), match=r"unknown|stopped without answering"):
            await system.entity_ref(REGION, entity_id).ask(Hang, timeout=120.0)
        return sim.time()

    async def first_reply() -> float:
        while True:
            try:
                await ask_heard(system.entity_ref(REGION, entity_id), 0, IN_TIME)
            except (TimeoutError, CastyError):
                await asyncio.sleep(0.02)
            else:
                return sim.time()

    async with asyncio.TaskGroup() as group:
        lost = group.create_task(sim.host(asker).run(in_flight))
        await asyncio.sleep(0.2)
        sim.host(victim).crash()
        killed = sim.time()
        replied = group.create_task(sim.host(asker).run(first_reply))
        async with asyncio.timeout(WITHIN[failover]):
            await asyncio.wait([lost, replied])
    assert max(lost.result(), replied.result()) - killed < WITHIN[failover]


@paces
def test_entities_of_a_killed_node_soon_reply_from_elsewhere(failover: str) -> None:
    simulate_seeds(lambda sim: take_over(sim, failover), SEEDS)


async def ask_after_the_kill(sim: Simulation) -> None:
    """One attempt each, made when the connection to the dead node is known to be broken."""
    streams = Streams(sim, 3, planned=False)
    await streams.begin()
    await asyncio.sleep(sim.random.uniform(5.0, 15.0))
    victim = sim.random.choice([name for name in streams.names if owned_by(streams, name)])
    lost = owned_by(streams, victim)
    asker = next(name for name in streams.names if name != victim)
    sim.host(victim).crash()
    await asyncio.sleep(0.5)

    async def ask_all() -> None:
        assert len(streams.systems[asker].members) == 3, "the dead node has been removed already"
        refs = [streams.systems[asker].entity_ref(REGION, entity_id) for entity_id in lost]
        await asyncio.gather(*(ask_heard(ref, 0, WITHIN["default"]) for ref in refs))

    await sim.host(asker).run(ask_all)


def test_asks_for_entities_of_a_killed_node_wait_for_their_next_home() -> None:
    simulate_seeds(ask_after_the_kill, SEEDS)


async def ask_while_it_starts_again(sim: Simulation) -> int:
    """Asks from when the connection to a dead node is known to be broken, and its node is started again meanwhile;
    returns how many were made when it had been started, and was not known as another incarnation yet.
    """
    streams = Streams(sim, 3, planned=False)
    await streams.begin()
    await asyncio.sleep(sim.random.uniform(5.0, 15.0))
    victim = sim.random.choice([name for name in streams.names if owned_by(streams, name)])
    lost, old = owned_by(streams, victim), streams.systems[victim].self_node
    asker = next(name for name in streams.names if name != victim)
    sim.host(victim).crash()
    await asyncio.sleep(0.5)
    sim.loop.call_later(sim.random.choice((0.0, 1.0)), sim.host(victim).restart)

    async def ask_all() -> int:
        early = 0
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                for entity_id in lost:
                    ref = streams.systems[asker].entity_ref(REGION, entity_id)
                    group.create_task(ask_heard(ref, 0, WITHIN["default"]))
                early += len(lost) * (sim.host(victim).is_up and old in streams.systems[asker].members)
                await asyncio.sleep(0.05)
        return early

    return await sim.host(asker).run(ask_all)


def test_asks_for_entities_of_a_node_that_starts_again_at_once_wait_for_their_next_home() -> None:
    assert sum(run.result for run in simulate_seeds(ask_while_it_starts_again, 2)) > 0
