"""What the log tells of a cluster, at INFO, is all that an operator has."""

import asyncio
import logging

import pytest
from casty.errors import JoinError
from casty.testing import simulation
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.clusters import PORT, SimulatedCluster

SEEDS = 3


def lines(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    """What a node has logged of its cluster, without uids, which are drawn at random."""
    start = f"{name}:7000: "
    own = [record for record in caplog.records if record.getMessage().startswith(start)]
    assert all(record.name == "casty.cluster" for record in own)
    return [record.getMessage().removeprefix(start).partition("#")[0] + _rest(record) for record in own]


def _rest(record: logging.LogRecord) -> str:
    return record.getMessage().partition("#")[2].lstrip("0123456789abcdef")


def levels(caplog: pytest.LogCaptureFixture) -> set[int]:
    return {record.levelno for record in caplog.records if record.name == "casty.cluster"}


def test_a_member_that_dies_is_logged_from_its_start_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(sim: Simulation) -> None:
        caplog.clear()
        cluster = SimulatedCluster(sim, 3)
        await cluster.begin()
        assert [line for line in lines(caplog, "n1") if line.startswith("n3")] == [
            "n3:7000 is joining",
            "n3:7000 is up",
        ]
        assert lines(caplog, "n3").count("this node is up") == 1
        caplog.clear()
        sim.host("n3").crash()
        await asyncio.sleep(30.0)
        for name in ("n1", "n2"):
            assert [line for line in lines(caplog, name) if line.startswith("n3")] == [
                "n3:7000 is unreachable",
                "n3:7000 is downed: keep-majority: this side survives: 2 of 3 members are on this side",
                "n3:7000 is removed",
            ]
        assert levels(caplog) == {logging.INFO}

    simulate_seeds(scenario, SEEDS)


def test_a_member_that_stands_still_for_a_while_is_reachable_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3)
        await cluster.begin()
        caplog.clear()
        with sim.network.partition(["n3"], ["n1", "n2"]):
            while "n3:7000 is unreachable" not in lines(caplog, "n1"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # virtual time
        await asyncio.sleep(10.0)
        assert [line for line in lines(caplog, "n1") if line.startswith("n3")] == [
            "n3:7000 is unreachable",
            "n3:7000 is reachable again",
        ]

    simulate_seeds(scenario, SEEDS)


def test_a_member_that_leaves_and_one_that_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3)
        await cluster.begin()
        caplog.clear()
        await cluster.departure(sim, sim.random, 0.5)
        (left,) = cluster.left_at
        name = left.name and next(name for name in cluster.names if f"{name}:7000: this node is leaving" in caplog.text)
        await cluster.recover()
        other = next(one for one in cluster.names if one != name)
        told = [line for line in lines(caplog, other) if line.startswith(name)]
        assert told[0] == f"{name}:7000 is leaving"
        assert told[1] == f"{name}:7000 has left"
        assert told[-1] == f"{name}:7000 is up"
        assert levels(caplog) <= {logging.INFO, logging.WARNING}

    simulate_seeds(scenario, SEEDS)


def test_two_clusters_that_become_one_report_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Started while the network was divided."""
    caplog.set_level(logging.INFO)

    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 2)
        with sim.network.partition(["n1"], ["n2"]):
            cluster.start(["n1"])
            await asyncio.sleep(8.0)
        caplog.clear()
        cluster.start(["n2"])
        await cluster.recover()
        assert logging.ERROR not in levels(caplog)

    simulate_seeds(scenario, SEEDS)


def test_a_node_that_waits_for_its_quorum_says_so_every_half_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(sim: Simulation) -> None:
        caplog.clear()
        raised: list[str] = []

        async def wait() -> None:
            with pytest.raises(JoinError) as error:
                async with ClusteredActorSystem(
                    name="sim",
                    host="n1",
                    port=PORT,
                    required_quorum=3,
                    quorum_timeout=70.0,
                    transport="sim",
                    plugins=[simulation.plugin],
                ):
                    pass
            raised.append(str(error.value))

        sim.host("n1").start(wait)
        await sim.eventually(lambda: bool(raised), within=90.0)
        told = [record.getMessage() for record in caplog.records if "required quorum" in record.getMessage()]
        assert [line.partition("quorum: ")[2] for line in told] == [
            "1 members are up after 30 s, and 3 are wanted",
            "1 members are up after 60 s, and 3 are wanted",
        ]
        assert raised == ["the required quorum was not reached: 1 members are up after 70 s, and 3 are wanted"]

    simulate_seeds(scenario, SEEDS)
