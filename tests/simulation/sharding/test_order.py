"""What becomes of the order of messages, and of asks, where moves are not planned."""

import asyncio

import pytest
from casty import ActorStoppedError, CastyError, NodeLostError
from casty.extension import shard_of
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster.wire.sharding import HostPhase

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


def owned_by(streams: Streams, name: str, *phases: HostPhase) -> list[str]:
    """The entities of the shards that run on a node, in one of these phases, or in any."""
    pair = machines(streams.systems[name])
    assert pair is not None
    shards = {hosted.shard for hosted in pair.region.owner.hosted if not phases or hosted.phase in phases}
    return [entity_id for entity_id in ENTITIES if shard_of(entity_id, SHARDS) in shards]


def owner(streams: Streams) -> str:
    """A node that runs entities."""
    return streams.sim.random.choice([name for name in streams.names if owned_by(streams, name)])


async def take_over(sim: Simulation, failover: str = "default") -> None:
    """Kill a node: how soon an entity that it ran replies from elsewhere, and an ask that was under way to it fails."""
    streams = Streams(sim, 3, planned=False, failover=failover)
    await streams.begin()
    await asyncio.sleep(sim.random.uniform(5.0, 15.0))
    victim = owner(streams)
    entity_id = sim.random.choice(owned_by(streams, victim))
    asker = sim.random.choice([name for name in streams.names if name != victim])
    system, at_the_end = streams.systems[asker], list[str]()

    async def in_flight() -> float:
        try:
            with pytest.raises(NodeLostError, match="unknown"):
                await system.entity_ref(REGION, entity_id).ask(Hang, timeout=120.0)
        except ActorStoppedError:
            if entity_id in at_the_end:  # else its shard was about to move, and the entity had to stop
                raise
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
        at_the_end = owned_by(streams, victim, HostPhase.running)
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
    victim = owner(streams)
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


async def ask_while_it_starts_again(sim: Simulation) -> None:
    """Asks from when the connection to a dead node is known to be broken, and its node is started again meanwhile."""
    streams = Streams(sim, 3, planned=False)
    await streams.begin()
    await asyncio.sleep(sim.random.uniform(5.0, 15.0))
    victim = owner(streams)
    lost = owned_by(streams, victim)
    asker = next(name for name in streams.names if name != victim)
    sim.host(victim).crash()
    await asyncio.sleep(0.5)
    sim.loop.call_later(sim.random.choice((0.0, 1.0)), sim.host(victim).restart)

    async def ask_all() -> None:
        assert len(streams.systems[asker].members) == 3, "the dead node has been removed already"
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                for entity_id in lost:
                    ref = streams.systems[asker].entity_ref(REGION, entity_id)
                    group.create_task(ask_heard(ref, 0, WITHIN["default"]))
                await asyncio.sleep(0.05)

    await sim.host(asker).run(ask_all)


def test_asks_for_entities_of_a_node_that_starts_again_at_once_wait_for_their_next_home() -> None:
    simulate_seeds(ask_while_it_starts_again, 2)
