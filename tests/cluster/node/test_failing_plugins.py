"""Failure detectors and downing strategies that raise: the node stays a member, and the log says what has failed."""

from collections.abc import Sequence, Set
from typing import override

import pytest
from casty.member import NodeId
from casty.spi.downing import Decision, MembershipView
from casty.spi.failure_detector import DetectorContext, FailureDetector, Probe
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.actors import Identify, answering
from tests.cluster.system.waiting import until


class Signal(BaseException):
    """As test frameworks have them."""


class DeafDetector(FailureDetector):
    """Fails where it is to learn anything."""

    def __init__(self, context: DetectorContext) -> None: ...

    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        raise Signal("members")

    @override
    def heard(self, node: NodeId, now: float) -> None:
        raise Signal("heard")

    @override
    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        raise Signal("receive")

    @override
    def tick(self, now: float) -> Sequence[Probe]:
        raise Signal("tick")

    @override
    def next_deadline(self) -> float | None:
        return None

    @override
    def suspicion(self, node: NodeId, now: float) -> float:
        return 0.0

    @override
    def suspects(self, now: float) -> Set[NodeId]:
        return frozenset()


class Undecided:
    """A strategy that fails."""

    def decide(self, view: MembershipView) -> Decision:
        raise Signal("undecided")


def members(node: ClusteredActorSystem) -> int:
    view = node.node.views.current
    return 0 if view is None else len(view.members)


async def test_nodes_whose_failure_detectors_raise_are_members_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(2, failure_detector=DeafDetector) as cluster:
        first, second = cluster
        second.spawn(answering("second"), "worker")
        ref = first.lookup("/worker", node=second.self_node.node)
        assert ref is not None
        assert await first.ask(ref, Identify) == "second"
        for node in cluster:
            found = f"{node.self_node.node}: its failure detector has failed: Signal("
            assert caplog.text.count(found) == 1, "once in a while"


async def test_an_operator_can_decide_where_the_downing_strategy_raises(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(3, downing=Undecided(), failover="fast") as cluster:
        first, second, third = cluster
        gone = third.self_node.node
        await cluster.kill(2)
        await until(lambda: "the downing strategy Undecided raised Signal('undecided'); members that" in caplog.text)
        assert members(first) == 3
        first.down(gone)
        await until(lambda: members(first) == members(second) == 2)
