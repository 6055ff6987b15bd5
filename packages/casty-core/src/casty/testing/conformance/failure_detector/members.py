"""Only members are watched."""

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.failure_detector.network import Network, node_named
from casty.testing.conformance.failure_detector.registry import Checks, CreateDetector, DetectorPromises

check = Checks()


@check
def an_unknown_node_is_not_suspected(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 3)
    detector = network.detectors[network.nodes[0]]
    for _ in range(30):
        network.run(1.0)
        expect_equal("the suspicion of a stranger", detector.suspicion(node_named(99), network.now), 0.0)
        expect_equal("the suspects", sorted(detector.suspects(network.now)), [])


@check
def without_other_members_nothing_is_due(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 1)
    detector = network.detectors[network.nodes[0]]
    expect_equal("the next deadline of a node alone", detector.next_deadline(), None)
    expect_equal("what it says", list(detector.tick(1e6)), [])
    detector.members([node_named(2)], 2e6)
    expect_equal("its suspects when the first other node joins", sorted(detector.suspects(2e6)), [])
    deadline = detector.next_deadline()
    expect(deadline is not None and deadline >= 2e6, f"the next deadline is {deadline}, when it is 2e6 s")
    detector.members([], 2e6 + 1)
    expect_equal("the next deadline when it has left", detector.next_deadline(), None)


@check
def a_node_that_has_left_is_forgotten(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 4)
    dead = network.nodes[3]
    network.run(10.0)
    network.crash(dead)
    network.run(2 * promises.detection[1])
    detector = network.detectors[network.nodes[0]]
    detector.members(network.nodes[1:3], network.now)
    expect_equal("the suspects once the dead node is not a member", sorted(detector.suspects(network.now)), [])
    expect_equal("its suspicion", detector.suspicion(dead, network.now), 0.0)
    network.run(2 * promises.detection[1])
    expect_equal("the suspects later", network.suspects_of(network.nodes[0]), [])


@check
def a_new_incarnation_begins_without_suspicion(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 4)
    dead, successor = network.nodes[3], node_named(4, uid=4)
    network.run(10.0)
    network.crash(dead)
    network.run(2 * promises.detection[1])
    network.replace(dead, successor)
    for _ in range(120):
        network.run(0.5)
        expect_equal("the nodes that suspect the new incarnation", network.suspected_by(successor), [])
    network.crash(successor)
    network.run(2 * promises.detection[1])
    expect_equal("the nodes that suspect it once it is dead as well", len(network.suspected_by(successor)), 3)


@check
def the_same_members_again_change_nothing(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 4)
    one, dead = network.nodes[0], network.nodes[3]
    network.run(10.0)
    network.crash(dead)
    for _ in range(round(promises.detection[1] / 0.05) + 1):
        network.run(0.05)
        network.detectors[one].members([node for node in reversed(network.nodes) if node != one], network.now)
    expect_equal("the suspects", network.suspects_of(one), [dead])


@check
def the_order_of_the_members_means_nothing(create: CreateDetector, promises: DetectorPromises) -> None:
    def history(*, backwards: bool) -> tuple[int, list[int]]:
        network = Network(create, 5)
        for node in network.nodes:
            others = [each for each in network.nodes if each != node]
            network.detectors[node].members(others[::-1] if backwards else others, network.now)
        network.run(10.0)
        network.crash(network.nodes[4])
        suspected: list[int] = []
        for _ in range(100):
            network.run(0.25)
            suspected.append(len(network.suspected_by(network.nodes[4])))
        return network.sent, suspected

    expect_equal("the course of things with the members backwards", history(backwards=True), history(backwards=False))
