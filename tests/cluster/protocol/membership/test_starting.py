"""Clusters that come into being: in any order, all at once, with wrong names, and after a partition."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from casty.address import PeerAddress
from casty.member import MemberStatus
from casty_cluster.protocol.membership import MembershipSettings
from casty_cluster.protocol.membership.effects import JoinDelayed, Out, Refused

from tests.cluster.protocol.membership.invariants import Invariants
from tests.cluster.protocol.membership.scenarios import addresses
from tests.cluster.protocol.membership.simulation import Host, Simulation


def quiet(seeds: Sequence[PeerAddress], count: int, *, seed: int = 0) -> tuple[Simulation, list[Host]]:
    """Hosts on a good network."""
    simulation = Simulation(seed)
    Invariants(simulation)
    settings = MembershipSettings(system="bank", seeds=tuple(seeds))
    return simulation, [simulation.host(address, settings) for address in addresses(count)]


def with_others_as_seeds(count: int) -> tuple[Simulation, list[Host]]:
    simulation, hosts = quiet((), count)
    for host in hosts:
        others = tuple(other.address for other in hosts if other is not host)
        host.settings = replace(host.settings, seeds=others)
    return simulation, hosts


def test_b18_two_nodes_that_name_only_each_other_are_one_cluster_at_once() -> None:
    """Seed 003 starts them one after the other, in one process."""
    for first, second in permutations((0, 1)):
        simulation, hosts = with_others_as_seeds(2)
        simulation.start(hosts[first])
        simulation.run(3.0)
        simulation.start(hosts[second])
        assert simulation.run_until(simulation.is_whole, 10.0) < 0.3
        assert len(simulation.founders) == 1


@pytest.mark.parametrize("count", [2, 3])
def test_g4_any_order_of_starting_gives_one_cluster(count: int) -> None:
    for order in permutations(range(count)):
        for pause in (0.0, 0.05, 0.7):
            simulation, hosts = quiet(addresses(count), count)
            for number in order:
                simulation.start(hosts[number])
                simulation.run(pause)
            simulation.run_until(simulation.is_whole, 10.0)
            assert len(simulation.founders) == 1


def test_g4_five_nodes_in_some_orders() -> None:
    for order in list(permutations(range(5)))[::7]:
        simulation, hosts = quiet(addresses(3), 5)
        for number in order:
            simulation.start(hosts[number])
            simulation.run(0.3)
        assert simulation.run_until(simulation.is_whole, 12.0) <= 10.0
        assert len(simulation.founders) == 1


def test_five_nodes_at_once_are_one_cluster_within_five_seconds() -> None:
    for seed in range(20):
        simulation, hosts = quiet(addresses(5), 5, seed=seed)
        for host in hosts:
            simulation.start(host)
        assert simulation.run_until(simulation.is_whole, 5.0) <= 5.0


def test_g3_twenty_nodes_join_at_once() -> None:
    simulation, hosts = quiet(addresses(3), 20)
    for host in hosts:
        simulation.start(host)
    assert simulation.run_until(simulation.is_whole, 10.0) <= 5.0
    state = hosts[0].machine and hosts[0].machine.state
    assert state is not None
    assert sorted(member.up_number for member in state.members.values()) == list(range(1, 21))


def test_g2_fifty_nodes_agree_within_four_rounds() -> None:
    """A round is an interval of a second: until all know of a change, and until the leader knows that they do."""
    simulation, hosts = quiet(addresses(3), 50)
    for host in hosts:
        simulation.start(host)
    simulation.run_until(simulation.is_whole, 10.0)
    simulation.run_until(lambda: all(host.machine and host.machine.converged for host in hosts), 10.0)
    for host in simulation.random.sample(hosts[1:], 3):
        simulation.leave(host)
        gone = host.node
        assert simulation.run_until(lambda gone=gone: knows_that_it_leaves(simulation.running, gone), 10.0) <= 4.0


def knows_that_it_leaves(hosts: list[Host], node: object) -> bool:
    """Whether the leader has removed it, for which all must have seen that it leaves."""
    states = [host.machine.state for host in hosts if host.machine is not None]
    return any(state is not None and node in state.tombstones for state in states)


def test_a_lone_node_that_is_not_its_own_seed_waits_and_says_for_what() -> None:
    simulation, (host, _) = with_others_as_seeds(2)
    simulation.start(host)
    simulation.run(30.0)
    ((when, effect),) = host.effects
    assert isinstance(effect, JoinDelayed)
    assert "no answer from 127.0.0.1:25521" in effect.reason
    assert 5.0 <= when - 100.0 <= 7.0


def test_b25_systems_with_different_names_never_merge() -> None:
    simulation, hosts = quiet(addresses(3), 3)
    hosts[2].settings = replace(hosts[2].settings, system="shop")
    for host in hosts:
        simulation.start(host)
    simulation.run(30.0)
    assert hosts[0].up == hosts[1].up == sorted(host.node for host in hosts[:2])
    assert hosts[2].machine is None
    ((_, refused),) = simulation.outs
    assert isinstance(refused, Refused)
    assert refused.final
    assert "'shop'" in refused.reason
    assert "'bank'" in refused.reason


def test_a_namesake_is_rejected_while_the_other_lives_and_admitted_after_it_has_died() -> None:
    simulation, hosts = quiet(addresses(2), 4)
    hosts[2].node_id = hosts[3].node_id = "teller"
    for host in hosts[:3]:
        simulation.start(host)
    simulation.run_until(simulation.is_whole, 10.0)
    simulation.crash(hosts[2])
    simulation.run(5.5)
    simulation.start(hosts[3])
    simulation.run(1.0)
    assert any(isinstance(effect, Refused) and not effect.final for _, effect in hosts[3].effects)
    simulation.run_until(simulation.is_whole, 20.0)


def test_two_islands_become_one_cluster() -> None:
    """The network is divided when they start, so both sides begin a cluster."""
    simulation, hosts = quiet(addresses(5), 5)
    left, right = hosts[:2], hosts[2:]
    right[0].settings = replace(right[0].settings, seeds=(right[0].address,))
    for host in right[1:]:
        host.settings = replace(host.settings, seeds=(right[0].address, hosts[0].address))
    simulation.network.split([host.address for host in left], [host.address for host in right])
    for host in hosts:
        simulation.start(host)
    simulation.run(12.0)
    assert len(simulation.founders) == 2
    survivors = [host.node for host in right]
    simulation.network.heal()
    simulation.run_until(simulation.is_complete, 20.0)
    assert [host.node for host in right] == survivors, "the larger one goes on"
    assert len(simulation.outs) == 2
    assert all(isinstance(out, Out) and out.rejoin for _, out in simulation.outs)


def test_a_founder_without_seeds_finds_back() -> None:
    """It has nowhere to look but where the others were."""
    simulation, hosts = quiet(addresses(1), 3)
    hosts[0].settings = replace(hosts[0].settings, seeds=())
    for host in hosts:
        simulation.start(host)
    simulation.run_until(simulation.is_complete, 10.0)
    simulation.pause(hosts[0], 20.0)
    simulation.run(20.0)
    assert simulation.run_until(simulation.is_complete, 10.0) < 5.0
    assert len(simulation.founders) == 1


def test_a_node_that_two_clusters_admit_makes_one_of_them() -> None:
    """Its request to the one is slow, so that it may have joined the other one when it is admitted."""
    for seed in range(20):
        simulation, (one, other, seeker) = quiet((), 3, seed=seed)
        for host in (one, other):
            simulation.start(host)
        seeker.settings = replace(seeker.settings, seeds=(one.address, other.address))
        simulation.network.delay = (0.0, 1.5)
        simulation.start(seeker)
        simulation.run_until(simulation.is_complete, 60.0)


def test_b15_a_process_started_again_at_once_is_a_new_member() -> None:
    simulation, hosts = quiet(addresses(3), 3)
    for host in hosts:
        simulation.start(host)
    simulation.run_until(simulation.is_whole, 10.0)
    old = hosts[2].node
    simulation.crash(hosts[2])
    simulation.start(hosts[2])
    assert simulation.run_until(simulation.is_whole, 10.0) < 3.0, "no node waits for the old one to be downed"
    for host in hosts[:2]:
        assert host.machine is not None
        assert host.machine.state is not None
        assert old in host.machine.state.tombstones
        assert host.machine.state.members[hosts[2].node].status is MemberStatus.up
