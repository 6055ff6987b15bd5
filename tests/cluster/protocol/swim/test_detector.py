"""What is particular to `swim`, on whole clusters."""

import pytest
from casty.testing.conformance.failure_detector import Network, Weather
from casty_cluster.protocol.swim import SwimOptions

from tests.cluster.protocol.swim.network import swim_network, swim_of


def test_indirect_probes_rescue_a_node_that_one_other_cannot_reach() -> None:
    """Two that do not reach each other, but others that reach both: no node is dead, and none is said to be."""
    network = swim_network(5)
    one, other = network.nodes[:2]
    network.part(one, other)
    network.run(300.0)
    assert [network.suspects_of(node) for node in network.nodes] == [[]] * 5


def test_without_helpers_there_is_no_rescue() -> None:
    network = swim_network(5, options=SwimOptions(ping_req_fanout=0))
    one, other = network.nodes[:2]
    network.part(one, other)
    levels: list[float] = []
    for _ in range(600):
        network.run(0.5)
        levels.append(network.detectors[one].suspicion(other, network.now))
    assert max(levels) > 0.0


def test_a_suspect_that_hears_of_it_refutes_it() -> None:
    """A node that stalls is suspected, learns of it when it resumes, and no node counts it dead."""
    network = swim_network(5)
    stalled = network.nodes[2]
    network.run(10.0)
    network.pause(stalled, 3.0)
    suspicious = 0.0
    for _ in range(30):
        network.run(0.1)
        suspicious = max(suspicious, *(network.detectors[n].suspicion(stalled, network.now) for n in network.nodes))
    assert 0.0 < suspicious < 1.0
    network.run(5.0)
    assert [network.detectors[node].suspicion(stalled, network.now) for node in network.nodes] == [0.0] * 5
    assert network.mistakes == []


def test_the_news_of_a_death_reaches_nearly_all_soon() -> None:
    """A node that misses all rumours finds the same by itself, later."""
    network = swim_network(30)
    dead = network.nodes[7]
    network.run(10.0)
    network.crash(dead)
    network.run_until(lambda: bool(network.suspected_by(dead)), 60.0)
    assert network.run_until(lambda: len(network.suspected_by(dead)) >= 27, 30.0) < 2.0
    assert network.run_until(lambda: len(network.suspected_by(dead)) == 29, 30.0) < 30.0


def test_a_deaf_node_loses_its_confidence_and_waits_longer() -> None:
    """A node that is cut off from all blames itself first: its local health is worse than that of the others."""
    network = swim_network(8)
    alone = network.nodes[0]
    network.run(10.0)
    network.isolate(alone)
    network.run(10.0)
    assert swim_of(network, alone).health.score >= 4
    assert max(swim_of(network, node).health.score for node in network.nodes[1:]) <= 2
    network.heal()
    network.run(60.0)
    assert [swim_of(network, node).health.score for node in network.nodes] == [0] * 8


def worst_health(network: Network, seconds: float) -> int:
    """The worst score of any live node, from now on."""
    worst = 0
    for _ in range(round(seconds / 0.1)):
        network.run(0.1)
        worst = max(worst, *(swim_of(network, node).health.score for node in network.alive))
    return worst


def test_nacks_tell_the_dead_from_ones_own_deafness() -> None:
    """One is dead, and its helpers say that they are there: no node's health suffers."""
    network = swim_network(8)
    network.run(10.0)
    network.crash(network.nodes[3])
    assert worst_health(network, 30.0) == 0


def test_a_node_that_is_dead_already_is_no_fault_of_any_other() -> None:
    network = swim_network(2)
    network.run(10.0)
    network.crash(network.nodes[1])
    network.run(20.0)
    score = swim_of(network, network.nodes[0]).health.score
    network.run(100.0)
    assert swim_of(network, network.nodes[0]).health.score == score < 8


def test_a_node_that_is_heard_during_a_probe_is_not_even_accused() -> None:
    """The pings are lost, but other frames are not: that it lives is plain."""
    network = swim_network(2)
    one, other = network.nodes
    network.part(one, other)
    for _ in range(300):
        network.run(0.2)
        network.detectors[one].heard(other, network.now)
        assert network.detectors[one].suspicion(other, network.now) == 0.0


def test_a_probe_that_a_pause_of_the_prober_interrupts_accuses_no_node() -> None:
    for seed in range(20):
        network = swim_network(2, seed=seed, weather=Weather(delay=0.3))
        one, other = network.nodes
        network.run(10.0 + network.random.random())
        network.pause(one, 10.0)
        network.run(10.0)
        for _ in range(50):
            network.run(0.02)
            assert network.detectors[one].suspicion(other, network.now) == 0.0


def test_a_suspicion_does_not_run_out_during_a_pause_of_ones_own() -> None:
    """A node that pauses with a pending suspicion gives the suspect the time that was left."""
    network = swim_network(2)
    one, other = network.nodes
    network.run(10.0)
    network.crash(other)
    network.run_until(lambda: network.detectors[one].suspicion(other, network.now) > 0.0, 10.0)
    network.pause(one, 20.0)
    network.run(20.0 + 2.5)
    assert network.suspects_of(one) == []
    network.run(3.0)
    assert network.suspects_of(one) == [other]


def test_a_round_trip_that_is_slower_than_the_timeout_does_no_harm() -> None:
    network = swim_network(6, weather=Weather(delay=0.3))
    network.run(300.0)
    assert network.mistakes == []


@pytest.mark.parametrize("size", [2, 3, 4, 10])
def test_the_larger_the_cluster_the_more_accusers_are_waited_for(size: int) -> None:
    """Two or three nodes have no other one to confirm anything, and decide after the shortest time."""
    network = swim_network(size)
    dead = network.nodes[-1]
    network.run(10.0)
    network.crash(dead)
    noticed = network.run_until(lambda: bool(network.suspected_by(dead)), 60.0)
    assert noticed < (7.5 if size < 4 else 12.0)


def test_seed_options_by_their_names() -> None:
    options = SwimOptions(protocol_period=1.0, ping_timeout=0.5, ping_req_fanout=3, suspicion_mult=5)
    assert options.suspicion_mult == 5
    with pytest.raises(ValueError, match=r"ping_timeout must be less than protocol_period; it is 1\.0"):
        SwimOptions(protocol_period=1.0, ping_timeout=1.0)
    with pytest.raises(ValueError, match="protocol_period must be more than 0 seconds; it is 0"):
        SwimOptions(protocol_period=0.0)
    with pytest.raises(ValueError, match="suspicion_mult must be at least 1; it is 0"):
        SwimOptions(suspicion_mult=0)
    with pytest.raises(ValueError, match="ping_req_fanout must be at least 0; it is -1"):
        SwimOptions(ping_req_fanout=-1)


def test_every_state_is_valid() -> None:
    network = swim_network(6, weather=Weather(loss=0.3, jitter=0.3))
    for step in range(400):
        if step == 100:
            network.crash(network.nodes[0])
        network.run(0.25)
        for node in network.alive:
            swim_of(network, node).validate()
