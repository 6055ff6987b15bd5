"""A client of a cluster through all faults, and through a rolling restart. `CASTY_SIM_SEEDS=1000` runs more."""

import asyncio

from casty.testing.simulation import Link, Simulation, faults, nemesis, simulate_seeds
from casty_cluster.protocol.client.contact import MOVE

from tests.simulation.clusters import RECOVERY
from tests.simulation.served import HOST, PLANNED, Count, ServedCluster

SEEDS = 2


def test_through_all_faults_every_ask_ends_in_time_and_the_client_works_again_after_them() -> None:
    async def scenario(sim: Simulation) -> tuple[int, int]:
        cluster = ServedCluster(sim, 3)
        cluster.may_pause = True
        await cluster.begin()
        cluster.start_client()
        await asyncio.gather(
            nemesis(sim, faults.NETWORK, seconds=40.0, lasting=(0.5, 15.0)),
            nemesis(sim, [faults.kill, faults.pause, cluster.departure], seconds=40.0, lasting=(0.1, 15.0)),
        )
        await sim.eventually(cluster.is_one, within=RECOVERY)
        await cluster.works_again()
        return cluster.replies, len(cluster.failures)

    runs = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(replies for replies, _ in runs) > 100 * len(runs)


def test_in_a_rolling_restart_no_ask_of_a_client_fails_and_no_message_for_an_entity_is_lost_or_overtaken() -> None:
    async def scenario(sim: Simulation) -> int:
        cluster = ServedCluster(sim, 3)
        cluster.timeout = PLANNED
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        for _ in range(6):
            await cluster.departure(sim, sim.random, 0.5)
            await sim.eventually(cluster.is_one, within=RECOVERY)
        await cluster.works_again()
        assert cluster.failures == []
        await cluster.everything_arrives()
        return cluster.replies

    simulate_seeds(scenario, SEEDS)


def test_no_message_overtakes_one_that_a_leaving_contact_sends_over_a_slow_way() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 3)
        cluster.timeout = PLANNED
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        assert cluster.client is not None
        contact = cluster.client.contact
        assert contact is not None
        for name in cluster.names:
            sim.network.set_link(contact.host, name, Link(delay=0.3, jitter=0.1))
        await asyncio.sleep(2.0)
        await cluster.leaves(contact.host)
        await cluster.works_again()
        assert cluster.failures == []
        assert cluster.slowest < MOVE, "the client has waited for a confirmation that did not come"
        await cluster.everything_arrives()

    simulate_seeds(scenario, SEEDS)


def test_a_client_goes_on_within_seconds_when_its_contact_is_killed() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 3)
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        client = cluster.client
        assert client is not None
        contact = client.contact
        assert contact is not None
        sim.host(contact.host).crash()
        await sim.eventually(lambda: client.contact not in (None, contact), within=3.0)
        ref = client.actor("/counter")
        cluster.numbers += 1
        number = cluster.numbers
        assert await sim.host(HOST).run(lambda: client.ask(ref, Count(number))) == number

    simulate_seeds(scenario, SEEDS)


def test_a_client_leaves_a_contact_that_it_cannot_reach_any_more() -> None:
    """As if a cable had been pulled: neither side is notified."""

    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 3)
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        client = cluster.client
        assert client is not None
        contact = client.contact
        assert contact is not None
        with sim.network.partition([HOST], [contact.host]):
            await sim.eventually(lambda: client.contact not in (None, contact), within=12.0)
            await cluster.works_again()

    simulate_seeds(scenario, SEEDS)


def test_a_client_whose_process_was_paused_goes_on() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 2)
        cluster.may_pause = True
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        sim.host(HOST).pause()
        await asyncio.sleep(30.0)
        sim.host(HOST).resume()
        await cluster.works_again()

    simulate_seeds(scenario, SEEDS)
