"""Clusters that lose members: by death, by a pause, by a partition, or because they leave."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from casty.events import MemberLeft, MemberUp, ReachableMember, UnreachableMember
from casty.member import MemberStatus, NodeId
from casty.spi.downing import DowningStrategy
from casty_cluster.protocol.downing import (
    DownAll,
    KeepMajority,
    KeepMajorityOptions,
    KeepOldest,
    KeepOldestOptions,
    StaticQuorum,
    StaticQuorumOptions,
)
from casty_cluster.protocol.membership import MembershipSettings, compact
from casty_cluster.protocol.membership.effects import Cause, MembersChanged, Out
from casty_cluster.protocol.membership.gossip import RANK
from casty_cluster.protocol.membership.inputs import Down, Received

from tests.cluster.protocol.membership import scenarios
from tests.cluster.protocol.membership.scenarios import addresses
from tests.cluster.protocol.membership.simulation import Host, Simulation
from tests.cluster.protocol.membership.test_starting import quiet


def running(count: int, *, seed: int = 0) -> tuple[Simulation, list[Host]]:
    """So many nodes that are up and converged, on a good network."""
    simulation, hosts = quiet(addresses(count), count, seed=seed)
    for host in hosts:
        simulation.start(host)
    simulation.run_until(simulation.is_whole, 10.0)
    simulation.run_until(lambda: all(host.machine and host.machine.converged for host in hosts), 10.0)
    return simulation, hosts


def statuses(host: Host, node: NodeId) -> list[MemberStatus]:
    """What this host has taken a node for, one after the other; removed where it has vanished."""
    seen: list[MemberStatus] = []
    for _, effect in host.effects:
        if isinstance(effect, MembersChanged):
            found = [member.status for member in effect.members if member.node == node]
            status = found[0] if found else MemberStatus.removed
            if seen[-1:] != [status] and (found or seen):
                seen.append(status)
    return seen


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_b4_a_dead_node_is_removed_and_never_comes_back(victim: int) -> None:
    simulation, hosts = running(3)
    dead = hosts[victim].node
    machine = hosts[victim].machine
    state = machine and machine.state
    assert state is not None
    old = compact.write(state, dead, simulation.now)
    simulation.crash(hosts[victim])
    survivors = [host for host in hosts if host is not hosts[victim]]
    took = simulation.run_until(simulation.is_whole, 15.0)
    assert took <= 10.0, "detection 4.5 s, stable after 4 s"
    for second in range(60):
        simulation.run(1.0)
        for host in survivors:
            late = old._replace(to=host.node.uid)
            simulation.handle(host, Received(survivors[second % 2].node, late))
    for host in survivors:
        ranks = [RANK[status] for status in statuses(host, dead)]
        assert all(earlier < later for earlier, later in pairwise(ranks)), "it never goes back"
        assert statuses(host, dead)[-2:] == [MemberStatus.down, MemberStatus.removed]
    assert simulation.is_whole()


def test_b5_a_pause_of_three_seconds_harms_no_member() -> None:
    for victim in range(3):
        simulation, hosts = running(3)
        simulation.pause(hosts[victim], 3.0)
        simulation.run(30.0)
        assert simulation.outs == []
        for host in hosts:
            assert not [event for event in host.events if not isinstance(event, MemberUp)]


def test_b5_a_node_that_wakes_does_not_decide_on_what_it_saw_before() -> None:
    """It was about to give up another one when it was stopped; meanwhile that one has come back."""
    simulation, hosts = running(3)
    sleeper, away, other = hosts
    simulation.network.split([away.address], [sleeper.address, other.address])
    simulation.run(6.5)
    simulation.pause(sleeper, 3.0)
    simulation.run(0.1)
    simulation.network.heal()
    simulation.run(30.0)
    assert simulation.outs == []
    assert simulation.is_whole()


@pytest.mark.parametrize("alone", [[0], [2], [0, 1], [3, 4]])
def test_b6_after_a_partition_of_eighteen_seconds_all_are_one_cluster_again(alone: list[int]) -> None:
    simulation, hosts = running(5)
    few = [hosts[number] for number in alone]
    many = [host for host in hosts if host not in few]
    survivors = [host.node for host in many]
    simulation.network.split([host.address for host in few], [host.address for host in many])
    simulation.run(18.0)
    assert [host.up for host in many] == [survivors] * len(many)
    simulation.network.heal()
    assert simulation.run_until(simulation.is_complete, 15.0) <= 12.0
    assert [host.node for host in many] == survivors, "the majority has gone on"
    leaders = {changed(host).leader for host in hosts}
    assert len(leaders) == 1


def changed(host: Host) -> MembersChanged:
    return [effect for _, effect in host.effects if isinstance(effect, MembersChanged)][-1]


def test_w6_a_node_that_was_downed_while_it_was_paused_learns_it_as_soon_as_it_wakes() -> None:
    simulation, hosts = running(3)
    simulation.pause(hosts[0], 20.0)
    simulation.run(20.0)
    assert hosts[1].up == hosts[2].up == [hosts[1].node, hosts[2].node]
    old = hosts[0].node
    simulation.run(1.5)
    assert [(node, out.reason) for node, out in simulation.outs] == [(old, "the other members have downed it")]
    simulation.run_until(simulation.is_complete, 10.0)


def test_two_halves_that_have_downed_each_other_become_one_again() -> None:
    """No strategy does that; an operator on each side can."""
    simulation, hosts = running(5)
    simulation.checks.clear()
    few, many = hosts[:2], hosts[2:]
    simulation.network.split([host.address for host in few], [host.address for host in many])
    for here, there in ((few, many), (many, few)):
        for host in there:
            simulation.handle(here[0], Down(host.node))
    simulation.run(20.0)
    survivors = [host.node for host in many]
    assert [host.up for host in many] == [survivors] * 3
    assert [host.up for host in few] == [[host.node for host in few]] * 2
    simulation.network.heal()
    simulation.run_until(simulation.is_complete, 20.0)
    assert [host.node for host in many] == survivors, "the larger half goes on"


def test_g7_a_state_from_before_the_removal_brings_no_member_back() -> None:
    """A member that was cut off alone still has it, and is reachable again before it is downed."""
    simulation, hosts = running(5)
    keeper, gone = hosts[4], hosts[3]
    simulation.leave(gone)
    removed = gone.node
    simulation.network.split([keeper.address], [host.address for host in hosts[:4]])
    simulation.run(3.0)
    simulation.network.heal()
    simulation.run_until(simulation.is_whole, 20.0)
    assert all(removed not in host.up for host in hosts)
    states = [host.machine.state for host in simulation.running if host.machine is not None]
    assert all(state is not None and removed in state.tombstones for state in states)


def test_tombstones_are_kept_for_their_time_and_no_longer() -> None:
    assert MembershipSettings(system="bank").tombstone_seconds == 24 * 3600
    simulation, hosts = quiet(addresses(3), 3)
    for host in hosts:
        host.settings = replace(host.settings, tombstone_seconds=300.0)
        simulation.start(host)
    simulation.run_until(simulation.is_whole, 10.0)
    simulation.leave(hosts[2])
    gone = hosts[2].node

    def remembered() -> list[bool]:
        states = [host.machine.state for host in hosts[:2] if host.machine is not None]
        return [state is not None and gone in state.tombstones for state in states]

    simulation.run(290.0)
    assert remembered() == [True, True]
    simulation.run(60.0)
    assert remembered() == [False, False]
    assert simulation.is_whole()
    assert all(host.machine and host.machine.converged for host in hosts[:2])


def test_b24_each_change_is_published_once() -> None:
    simulation, hosts = running(3)
    watcher, other, victim = hosts
    simulation.network.split([victim.address], [watcher.address, other.address])
    simulation.run(6.0)
    simulation.network.heal()
    simulation.run(10.0)
    simulation.crash(victim)
    simulation.run(20.0)
    for host in (watcher, other):
        said = [type(event) for event in host.events if event.member.node == victim.node]
        assert said == [MemberUp, UnreachableMember, ReachableMember, UnreachableMember, MemberLeft]
        assert host.events[-1].member.status is MemberStatus.removed
        assert sorted(e.member.node for e in host.events if isinstance(e, MemberUp)) == sorted(h.node for h in hosts)


def test_a_member_that_leaves_is_out_within_a_second_or_two() -> None:
    simulation, hosts = running(5)
    for host in hosts[:4]:
        simulation.leave(host)
        left = host.node
        simulation.run_until(lambda left=left: simulation.outs[-1:] == [(left, Out("it has left", Cause.left))], 4.0)
        simulation.run_until(simulation.is_whole, 4.0)
    simulation.leave(hosts[4])
    assert simulation.outs[-1][1] == Out("it has left, as the last one", Cause.left)


def test_all_can_leave_at_once() -> None:
    simulation, hosts = running(5)
    for host in hosts:
        simulation.leave(host)
    simulation.run_until(lambda: not simulation.running, 12.0)
    assert all(isinstance(out, Out) and not out.rejoin for _, out in simulation.outs)


STRATEGIES: dict[str, DowningStrategy] = {
    "keep-majority": KeepMajority(KeepMajorityOptions()),
    "static-quorum": StaticQuorum(StaticQuorumOptions(quorum_size=3)),
    "keep-oldest": KeepOldest(KeepOldestOptions()),
    "down-all": DownAll(),
}


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("scenario", ["partition and heal", "churn"])
def test_g6_no_strategy_leaves_two_sides(name: str, scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = STRATEGIES[name]
    monkeypatch.setattr(scenarios, "Simulation", partial(Simulation, strategy=strategy))
    for seed in range(8):
        scenarios.SCENARIOS[scenario](seed)
