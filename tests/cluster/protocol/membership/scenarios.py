"""What a cluster goes through, drawn from a seed. `python -m tests.cluster.protocol.membership.scenarios 1000` runs
each scenario with that many seeds.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from casty.address import PeerAddress
from casty_cluster.protocol.membership import MembershipSettings

from tests.cluster.protocol.membership.invariants import Invariants
from tests.cluster.protocol.membership.simulation import Host, Simulation

type Scenario = Callable[[int], Simulation]

PATIENCE = 90.0
"""Seconds after the last fault within which everything must be well again."""


def addresses(count: int) -> list[PeerAddress]:
    return [PeerAddress("127.0.0.1", 25520 + number) for number in range(count)]


def cluster(seed: int, count: int) -> tuple[Simulation, list[Host]]:
    """Hosts with all of them as seeds, none of them started, on a network that is neither quick nor reliable."""
    simulation = Simulation(seed)
    Invariants(simulation)
    random = simulation.random
    simulation.network.delay = (0.001, random.choice((0.01, 0.1, 0.3)))
    simulation.network.loss = random.choice((0.0, 0.05, 0.2))
    simulation.network.duplication = random.choice((0.0, 0.1))
    seeds = tuple(addresses(count))
    settings = MembershipSettings(system="bank", seeds=seeds, stable_after=random.choice((None, 6.0)))
    return simulation, [simulation.host(address, settings) for address in seeds]


def running(seed: int, count: int) -> tuple[Simulation, list[Host]]:
    """The same, up and of one mind."""
    simulation, hosts = cluster(seed, count)
    for host in hosts:
        simulation.start(host)
    settle(simulation, hosts)
    return simulation, hosts


def settle(simulation: Simulation, hosts: list[Host]) -> Simulation:
    """The faults are over: all nodes run, and become one cluster."""
    simulation.network.heal()
    simulation.all_return = True
    for host in hosts:
        simulation.start(host)
    simulation.run_until(simulation.is_complete, PATIENCE)
    return simulation


def bootstrap(seed: int, count: int) -> Simulation:
    """All start within two seconds, in any order; some name themselves as seeds, or all do."""
    simulation, hosts = cluster(seed, count)
    random = simulation.random
    if random.random() < 0.5:
        for host in hosts:
            others = tuple(seed for seed in host.settings.seeds if seed != host.address)
            host.settings = replace(host.settings, seeds=others)
    for host in hosts:
        simulation.after(random.uniform(0.0, 2.0), lambda host=host: simulation.start(host))
    simulation.run_until(simulation.is_complete, PATIENCE)
    assert len(simulation.founders) == 1, f"several clusters were begun: {simulation.founders}"
    assert simulation.outs == [], simulation.outs
    return simulation


def formed_apart(seed: int) -> Simulation:
    """Two parts of the network start cut off from each other, and each forms a cluster: the nodes of the one name all
    nodes as seeds, those of the other only their own part.
    """
    simulation, hosts = cluster(seed, simulation_size(seed))
    random = simulation.random
    at = random.randrange(1, len(hosts))
    here, there = ([host.address for host in part] for part in (hosts[:at], hosts[at:]))
    for host in hosts[at:]:
        host.settings = replace(host.settings, seeds=tuple(there))
    simulation.network.split(here, there)
    for host in hosts:
        simulation.after(random.uniform(0.0, 2.0), lambda host=host: simulation.start(host))
    simulation.run(random.uniform(15.0, 30.0))
    assert len(simulation.founders) == 2, f"the parts have not formed a cluster each: {simulation.founders}"
    return settle(simulation, hosts)


def crash_and_restart(seed: int) -> Simulation:
    """Nodes die without a word, and come back at the same address sooner or later; the last one does not."""
    simulation, hosts = running(seed, simulation_size(seed))
    random = simulation.random
    for _ in range(3):
        host = random.choice(hosts)
        simulation.crash(host)
        if random.random() < 0.7:
            simulation.after(random.uniform(0.2, 20.0), lambda host=host: simulation.start(host))
        simulation.run(random.uniform(0.5, 15.0))
    settle(simulation, hosts)
    simulation.crash(random.choice(hosts))
    simulation.run_until(simulation.is_whole, PATIENCE)
    return simulation


def partition_and_heal(seed: int) -> Simulation:
    """The network falls into two parts, or loses a single direction, for up to 25 seconds, often just when a node joins
    or leaves.
    """
    simulation, hosts = running(seed, simulation_size(seed))
    random = simulation.random
    for _ in range(2):
        if random.random() < 0.5:
            come_or_go(simulation, random.choice(hosts))
        cut(simulation, hosts)
        simulation.run(random.uniform(1.0, 25.0))
        simulation.network.heal()
        simulation.run(random.uniform(0.0, 15.0))
    return settle(simulation, hosts)


def join_and_split(seed: int) -> Simulation:
    """The network is partitioned just when a member has admitted a node that the others do not know yet: with it, both
    sides could be the larger one.
    """
    simulation, hosts = cluster(seed, 4 if seed % 2 else 6)
    random = simulation.random
    for host in hosts:
        host.settings = replace(host.settings, stable_after=6.0)
    hosts[0].settings = replace(hosts[0].settings, seeds=())
    *members, newcomer = hosts
    for host in members:
        simulation.start(host)
    simulation.run_until(simulation.is_whole, PATIENCE)
    simulation.start(newcomer)
    simulation.run_until(lambda: newcomer.machine is not None and newcomer.machine.state is not None, PATIENCE)
    simulation.run(random.uniform(0.0, 0.2))
    here = random.sample(members[1:], len(members) // 2 - 1)
    there = [host for host in members[1:] if host not in here]
    simulation.network.split([host.address for host in (hosts[0], newcomer, *here)], [host.address for host in there])
    simulation.run(random.uniform(10.0, 20.0))
    return settle(simulation, hosts)


def pauses(seed: int) -> Simulation:
    """Nodes stand still for a while, longer and shorter than it takes to down them."""
    simulation, hosts = running(seed, simulation_size(seed))
    random = simulation.random
    for _ in range(4):
        simulation.pause(random.choice(hosts), random.choice((0.5, 3.0, 6.0, 9.0, 15.0)))
        simulation.run(random.uniform(0.5, 12.0))
    return settle(simulation, hosts)


def churn(seed: int) -> Simulation:
    """Everything at once."""
    simulation, hosts = cluster(seed, 5)
    random = simulation.random
    for _ in range(25):
        host = random.choice(hosts)
        match random.choice(("start", "start", "start", "crash", "pause", "leave", "cut", "heal")):
            case "start":
                simulation.start(host)
            case "crash":
                simulation.crash(host)
            case "pause":
                simulation.pause(host, random.uniform(0.5, 10.0))
            case "leave":
                simulation.leave(host)
            case "cut":
                cut(simulation, hosts)
            case _:
                simulation.network.heal()
        simulation.run(random.uniform(0.1, 5.0))
    return settle(simulation, hosts)


def simulation_size(seed: int) -> int:
    return 3 if seed % 2 else 5


def come_or_go(simulation: Simulation, host: Host) -> None:
    simulation.leave(host)
    if simulation.random.random() < 0.7:
        simulation.run(5.0)
        simulation.start(host)
    simulation.run(simulation.random.uniform(0.0, 0.5))


def cut(simulation: Simulation, hosts: list[Host]) -> None:
    random = simulation.random
    shuffled = random.sample([host.address for host in hosts], len(hosts))
    if random.random() < 0.2:
        one, other = shuffled[:2]
        simulation.network.cut.add((one, other))
        return
    at = random.randrange(1, len(shuffled))
    simulation.network.split(shuffled[:at], shuffled[at:])


SCENARIOS: dict[str, Scenario] = {
    "bootstrap of 3": lambda seed: bootstrap(seed, 3),
    "bootstrap of 5": lambda seed: bootstrap(seed, 5),
    "formed apart": formed_apart,
    "crash and restart": crash_and_restart,
    "partition and heal": partition_and_heal,
    "join and split": join_and_split,
    "pauses": pauses,
    "churn": churn,
}


def main(seeds: int) -> None:
    for name, scenario in SCENARIOS.items():
        started, delivered, split_brains = perf_counter(), 0, 0
        for seed in range(seeds):
            try:
                simulation = scenario(seed)
            except AssertionError as error:
                raise AssertionError(f"{name}, seed {seed}: {error}") from error
            delivered += simulation.delivered
            split_brains += simulation.split_brains > 0
        counts = f"{seeds} seeds, {delivered} messages, {split_brains} of two sides for a while"
        print(f"{name}: {counts}, {perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
