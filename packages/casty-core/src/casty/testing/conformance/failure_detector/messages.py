"""Messages of detectors are small, and no message can do harm."""

from random import Random

from casty.spi.failure_detector import Probe
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.failure_detector.network import Network, Weather, node_named
from casty.testing.conformance.failure_detector.registry import Checks, CreateDetector, DetectorPromises

check = Checks()

LARGEST = 1024
"""Bytes of a payload, by the contract."""


@check
def no_bytes_do_any_harm(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 3)
    one, other, _ = network.nodes
    spoken: list[Probe] = []
    for _ in range(40):
        network.run(0.25)
        spoken += network.detectors[other].tick(network.now)
    detector, random = network.detectors[one], Random(0)
    samples = [b"", b"\0", b"\xff" * LARGEST, *(probe.payload for probe in spoken)]
    for number in range(5_000):
        payload = bytearray(random.choice(samples))
        for _ in range(random.randint(0, 3)):
            payload[random.randrange(len(payload) + 1) :] = random.randbytes(random.randint(0, 30))
        try:
            detector.receive(random.choice([other, node_named(99)]), bytes(payload), network.now)
        except Exception as error:
            raise AssertionError(f"message {number}, {bytes(payload)!r}: {error!r}") from error
    network.run(60.0)
    expect_equal("the suspects after that", network.suspects_of(one), [])


@check
def strangers_are_answered(create: CreateDetector, promises: DetectorPromises) -> None:
    """Of two nodes that join one cluster, one learns of the other first."""
    network = Network(create, 2)
    one, other = network.nodes
    network.detectors[other].members([], network.now)
    network.run(5 * promises.detection[1])
    expect_equal("the suspects of a node that the other does not know", network.suspects_of(one), [])


@check
def payloads_stay_small(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 60, weather=Weather(loss=0.3))
    network.run(20.0)
    for dead in network.nodes[40:]:
        network.crash(dead)
    network.run(30.0)
    expect(0 < network.largest <= LARGEST, f"the largest payload has {network.largest} bytes, of {LARGEST} at most")


@check
def copies_and_latecomers_do_no_harm(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 4, weather=Weather(copies=0.5, copy_delay=30.0, jitter=0.2))
    network.run(600.0)
    expect_equal("suspicions of nodes whose messages come twice", network.mistakes, [])


@check
def the_dead_do_not_live_on_in_copies(create: CreateDetector, promises: DetectorPromises) -> None:
    """Copies that arrive after a node's death are not signs of life."""
    network = Network(create, 3, weather=Weather(copies=1.0, copy_delay=6 * promises.detection[1]))
    dead = network.nodes[2]
    network.run(12 * promises.detection[1])
    network.crash(dead)
    network.run(3 * promises.detection[1])
    for node in network.alive:
        expect_equal(f"the suspects of {node}", network.suspects_of(node), [dead])


@check
def the_same_course_of_things_has_the_same_messages(create: CreateDetector, promises: DetectorPromises) -> None:
    def history(seed: int) -> tuple[int, list[float]]:
        network = Network(create, 5, seed=seed, weather=Weather(jitter=0.3, loss=0.2))
        network.run(30.0)
        network.crash(network.nodes[2])
        network.run(30.0)
        watchers = [network.detectors[node] for node in network.alive]
        return network.sent, [detector.suspicion(network.nodes[2], network.now) for detector in watchers]

    expect_equal("a repeated course of things", history(7), history(7))
