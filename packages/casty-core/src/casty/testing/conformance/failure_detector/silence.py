"""When silent nodes become suspect, and when they are trusted again."""

from itertools import pairwise

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.failure_detector.network import Network
from casty.testing.conformance.failure_detector.registry import Checks, CreateDetector, DetectorPromises

check = Checks()


@check
def a_dead_node_is_suspected_in_time(create: CreateDetector, promises: DetectorPromises) -> None:
    earliest, latest = promises.detection
    for seed in range(20):
        first, last = noticed_after(Network(create, 5, seed=seed), 10 * latest)
        # Its last sign of life was up to an interval before its death.
        expect(first >= earliest - 1.05, f"seed {seed}: suspected after {first:.2f} s; {earliest} s are promised")
        expect(last <= latest + 0.05, f"seed {seed}: suspected by all after {last:.2f} s; {latest} s are promised")


def noticed_after(network: Network, limit: float) -> tuple[float, float]:
    """Seconds from a node's death until the first and until all of the other nodes suspect it."""
    network.run(60.0 + network.random.random())
    dead = network.random.choice(network.nodes)
    network.crash(dead)
    first = network.run_until(lambda: bool(network.suspected_by(dead)), limit)
    return first, first + network.run_until(lambda: network.suspected_by(dead) == network.alive, limit)


@check
def of_two_nodes_the_other_notices(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 2)
    network.run(30.0)
    network.crash(network.nodes[1])
    network.run(promises.detection[1] + 0.05)
    expect_equal("the suspects", network.suspects_of(network.nodes[0]), [network.nodes[1]])


@check
def a_node_that_never_answers_becomes_suspect(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 3)
    silent = network.nodes[2]
    network.crash(silent)
    network.run(promises.forgiven)
    expect_equal(f"the suspects after {promises.forgiven} s", network.suspects_of(network.nodes[0]), [])
    network.run(2 * promises.detection[1] - promises.forgiven)
    expect_equal("the suspects in the end", network.suspects_of(network.nodes[0]), [silent])


@check
def suspicion_grows_with_silence(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 2)
    one, other = network.nodes
    network.run(30.0)
    network.crash(other)
    levels: list[float] = []
    for _ in range(round(2 * promises.detection[1] / 0.1)):
        network.run(0.1)
        levels.append(network.detectors[one].suspicion(other, network.now))
    expect(min(levels) >= 0.0, f"a suspicion is {min(levels)}")
    # Messages in flight at its death may still count.
    falls = [(before, after) for before, after in pairwise(levels[1:]) if after < before]
    expect_equal("the falls of the suspicion of a dead node", falls, [])
    expect(levels[-1] > levels[0], f"the suspicion of a dead node was {levels[0]} at first and is {levels[-1]}")


@check
def a_suspect_stays_suspect_while_it_is_silent(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 5)
    dead = network.nodes[1]
    network.run(10.0)
    network.crash(dead)
    network.run(promises.detection[1] + 1.0)
    for _ in range(600):
        network.run(1.0)
        expect_equal("the nodes that suspect the dead node", len(network.suspected_by(dead)), 4)


@check
def a_node_that_is_back_is_trusted_again(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 5)
    away = network.nodes[1]
    network.run(10.0)
    for round_ in range(3):
        network.isolate(away)
        network.run(promises.alone)
        expect_equal("the nodes that suspect a node that is cut off", len(network.suspected_by(away)), 4)
        expect_equal("its own suspects", len(network.suspects_of(away)), 4)
        network.heal()
        network.run(15.0)
        expect_equal(f"the nodes that suspect it after return {round_ + 1}", network.suspected_by(away), [])
        expect_equal("its own suspects", network.suspects_of(away), [])


@check
def a_node_that_was_away_for_long_is_suspected_as_soon_as_ever(
    create: CreateDetector, promises: DetectorPromises
) -> None:
    """Its absence must not count as an interval between heartbeats."""
    network = Network(create, 2)
    one, other = network.nodes
    network.run(10.0)
    network.isolate(other)
    network.run(3600.0)
    network.heal()
    network.run(30.0)
    expect_equal("the suspects after its return", network.suspects_of(one), [])
    network.crash(other)
    network.run(promises.detection[1] + 0.05)
    expect_equal("the suspects after its death", network.suspects_of(one), [other])


@check
def of_several_dead_all_are_suspected(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 7)
    network.run(10.0)
    for dead in network.nodes[2:5]:
        network.crash(dead)
    network.run(3 * promises.detection[1])
    for node in network.alive:
        expect_equal(f"the suspects of {node}", network.suspects_of(node), sorted(network.nodes[2:5]))
