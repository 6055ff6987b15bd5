"""Large clusters: a node's work does not grow with them."""

import tracemalloc
from collections.abc import Sequence
from random import Random

from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext, FailureDetector, Probe
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.failure_detector.network import Network, node_named
from casty.testing.conformance.failure_detector.registry import Checks, CreateDetector, DetectorPromises

check = Checks()

MOST_PROBES = 32
"""Limit of messages that a node may initiate per second, at any cluster size."""

BYTES_PER_MEMBER = 4_096


def watched_minute(create: CreateDetector, size: int) -> tuple[int, int]:
    """The number of messages that one node of many initiates in a minute, all answered, and its bytes of memory."""
    strangers: dict[NodeId, FailureDetector] = {}

    def answers(probe: Probe, now: float) -> Sequence[Probe]:
        if probe.to not in strangers:
            strangers[probe.to] = create(context_of(probe.to))
        return strangers[probe.to].receive(local, probe.payload, now)

    local, *others = (node_named(number) for number in range(1, size + 1))
    detector, sent = create(context_of(local)), 0
    tracemalloc.start()
    try:
        detector.members(others, 0.0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    while (deadline := detector.next_deadline()) is not None and deadline < 60.0:
        for probe in detector.tick(deadline):
            sent += 1
            for answer in answers(probe, deadline):
                detector.receive(probe.to, answer.payload, deadline)
    return sent, used


def context_of(node: NodeId) -> DetectorContext:
    return DetectorContext(local=node, random=Random(0), interval=1.0, check_interval=1.0)


@check
def a_node_of_a_thousand_does_and_keeps_little(create: CreateDetector, promises: DetectorPromises) -> None:
    sent, used = watched_minute(create, 1_000)
    expect(0 < sent <= MOST_PROBES * 60, f"{sent} messages in a minute, at most {MOST_PROBES * 60} are allowed")
    expect(used <= 1_000 * BYTES_PER_MEMBER, f"{used} bytes for a thousand members")


@check
def in_a_large_cluster_a_death_is_noticed(create: CreateDetector, promises: DetectorPromises) -> None:
    network = Network(create, 60)
    dead = network.nodes[30]
    network.run(20.0)
    network.crash(dead)
    noticed = network.run_until(lambda: bool(network.suspected_by(dead)), 60.0)
    expect(noticed < 60.0, "none of 59 nodes has suspected a node that has been dead for a minute")
    network.run(10.0)
    expect(not network.mistakes, f"wrong suspicions: {network.mistakes}")
