"""Each fault breaks what it says and mends it again."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from casty.testing.simulation import DiskFaults, Simulation, faults, nemesis, simulate, simulated
from casty.testing.simulation.faults import Fault

NAMES = ("a", "b", "c", "d", "e")


def reached(sim: Simulation) -> dict[str, set[str]]:
    """The hosts that each host reaches, itself included."""
    return {a: {b for b in NAMES if sim.network.is_open(a, b)} for a in NAMES}


def during(fault: Fault, look: Callable[[Simulation], object], seeds: int = 30) -> None:
    """Look in the middle of a fault, and see that it is over afterwards."""

    async def scenario(sim: Simulation) -> None:
        for name in NAMES:
            sim.host(name).start(lambda: asyncio.sleep(1e6))
        async with asyncio.TaskGroup() as group:
            group.create_task(fault(sim, Random(sim.seed), 4.0))
            await asyncio.sleep(0.3)
            assert look(sim), (sim.trace.faults, reached(sim))
        assert reached(sim) == {name: set(NAMES) for name in NAMES}
        assert all(host.is_up and not host.is_paused for host in sim.hosts)
        assert all(host.disk.faults == DiskFaults() for host in sim.hosts)
        assert sim.trace.faults

    for seed in range(seeds):
        simulate(scenario, seed)


def sizes(sim: Simulation) -> list[int]:
    return sorted(len(reaches) for reaches in reached(sim).values())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.halves, [2, 2, 3, 3, 3]),
        (faults.resets, [2, 2, 3, 3, 3]),
        (faults.random_node, [1, 4, 4, 4, 4]),
        (faults.bridge, [3, 3, 3, 3, 5]),
        (faults.majorities_ring, [3, 3, 3, 3, 3]),
    ],
)
def test_partitions(fault: Fault, expected: list[int]) -> None:
    during(fault, lambda sim: sizes(sim) == expected)


def test_each_of_a_ring_reaches_another_majority() -> None:
    during(faults.majorities_ring, lambda sim: len({frozenset(hosts) for hosts in reached(sim).values()}) == 5)


def test_one_way_cuts_one_way() -> None:
    during(faults.one_way, lambda sim: sizes(sim) in ([1, 5, 5, 5, 5], [4, 4, 4, 4, 5]))


def test_flapping_and_clogging_cut_a_host_off() -> None:
    during(faults.flapping, lambda sim: sizes(sim) == [4, 4, 5, 5, 5])
    during(faults.swizzle_clog, lambda sim: 1 in sizes(sim))


def test_only_resets_reset() -> None:
    def resets(sim: Simulation) -> bool:
        return any(sim.network.resets(a, b) for a in NAMES for b in NAMES)

    during(faults.resets, resets)
    during(faults.halves, lambda sim: not resets(sim))


@pytest.mark.parametrize("fault", [faults.kill, faults.kill_and_wipe])
def test_a_host_is_killed(fault: Fault) -> None:
    during(fault, lambda sim: sum(host.is_up for host in sim.hosts) == 4)


@pytest.mark.parametrize("fault", [faults.kill, faults.kill_and_wipe])
def test_only_kill_and_wipe_wipes(fault: Fault) -> None:
    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        host.start(lambda: asyncio.sleep(1e6))
        store = host.disk.store("events")
        await fault(sim, sim.random, 1.0)
        assert (host.disk.store("events") is store) == (fault is faults.kill)

    simulate(scenario)


def test_a_host_is_paused() -> None:
    during(faults.pause, lambda sim: sum(host.is_paused for host in sim.hosts) == 1)


@pytest.mark.parametrize("fault", faults.DISKS)
def test_some_disk_is_bad(fault: Fault) -> None:
    during(fault, lambda sim: sum(host.disk.faults != DiskFaults() for host in sim.hosts) == 1)


@pytest.mark.parametrize("fault", [*faults.ALL, faults.kill_and_wipe])
@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_few_hosts_are_no_harm(fault: Fault, hosts: int) -> None:
    """A kill ends at once, as none of these hosts has a program to kill; all other faults last as long as requested."""

    async def scenario(sim: Simulation) -> None:
        for name in NAMES[:hosts]:
            sim.host(name)
        await fault(sim, sim.random, 5.0)
        lasts = 0.0 if fault in (faults.kill, faults.kill_and_wipe) else 5.0
        assert sim.time() == pytest.approx(lasts, abs=0.1)

    simulate(scenario)


@simulated(seeds=10, check_determinism=True)
async def test_a_nemesis_leaves_everything_whole(sim: Simulation) -> None:
    for name in NAMES:
        sim.host(name).start(lambda: asyncio.sleep(1e6))
    await nemesis(sim, [*faults.ALL, faults.kill_and_wipe], seconds=60.0)
    assert sim.time() == pytest.approx(60.0, abs=0.1)
    assert all(host.is_up and not host.is_paused for host in sim.hosts)
    assert reached(sim) == {name: set(NAMES) for name in NAMES}
    assert len(sim.trace.faults) > 5


def test_a_nemesis_heals_what_its_faults_have_left() -> None:
    async def careless(sim: Simulation, random: Random, seconds: float) -> None:
        sim.network.partition(["a"], ["b"])
        sim.host("a").pause()
        sim.host("b").crash()
        sim.host("c").disk.faults = DiskFaults(broken=True)
        sim.database.faults = DiskFaults(broken=True)
        await asyncio.sleep(seconds)

    async def scenario(sim: Simulation) -> None:
        for name in NAMES:
            sim.host(name).start(lambda: asyncio.sleep(1e6))
        await nemesis(sim, [careless], seconds=5.0)
        assert reached(sim) == {name: set(NAMES) for name in NAMES}
        assert all(host.is_up and not host.is_paused for host in sim.hosts)
        assert all(disk.faults == DiskFaults() for disk in (sim.database, *(host.disk for host in sim.hosts)))

    simulate(scenario)


def test_cuts_add_up_and_heal_one_by_one() -> None:
    async def scenario(sim: Simulation) -> None:
        one, other = (sim.network.partition(["a"], ["b"]) for _ in range(2))
        one.heal()
        assert not sim.network.is_open("a", "b")
        one.heal()
        assert not sim.network.is_open("b", "a")
        other.heal()
        assert sim.network.is_open("a", "b")
        sim.network.partition(["a"], ["b"], one_way=True)
        assert not sim.network.is_open("a", "b")
        assert sim.network.is_open("b", "a")
        sim.heal()
        assert sim.network.is_open("a", "b")

    simulate(scenario)
