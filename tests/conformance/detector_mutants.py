"""The detector `phi-accrual` with one fault each, of the kinds that detectors really have."""

from collections.abc import Sequence, Set
from typing import override

from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext, Probe
from casty_cluster.protocol.phi_accrual import PhiAccrualDetector, PhiAccrualOptions


class Mutant:
    """Does what the right one does; each fault is a method that does not."""

    OPTIONS = PhiAccrualOptions()

    def __init__(self, context: DetectorContext) -> None:
        self.context = context
        self.exact = PhiAccrualDetector(context, self.OPTIONS)

    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.exact.members(others, now)

    def heard(self, node: NodeId, now: float) -> None:
        self.exact.heard(node, now)

    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        return self.exact.receive(sender, payload, now)

    def tick(self, now: float) -> Sequence[Probe]:
        return self.exact.tick(now)

    def next_deadline(self) -> float | None:
        return self.exact.next_deadline()

    def suspicion(self, node: NodeId, now: float) -> float:
        return self.exact.suspicion(node, now)

    def suspects(self, now: float) -> Set[NodeId]:
        return self.exact.suspects(now)


class SuspectsNoNode(Mutant):
    @override
    def suspects(self, now: float) -> Set[NodeId]:
        return set()


class TakesItsTime(Mutant):
    OPTIONS = PhiAccrualOptions(acceptable_heartbeat_pause_ms=8_000.0)


class IsNervous(Mutant):
    OPTIONS = PhiAccrualOptions(acceptable_heartbeat_pause_ms=500.0)


class WaitsForAFirstAnswer(Mutant):
    """Never suspects a node that has not replied yet."""

    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self.known: set[NodeId] = set()

    @override
    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        self.known.add(sender)
        return super().receive(sender, payload, now)

    @override
    def suspects(self, now: float) -> Set[NodeId]:
        return super().suspects(now) & self.known


class NeverForgives(Mutant):
    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self.ever: set[NodeId] = set()

    @override
    def suspects(self, now: float) -> Set[NodeId]:
        self.ever |= super().suspects(now)
        return self.ever


class HoldsItsPausesAgainstOthers(Mutant):
    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self.exact._pause._tolerance = float("inf")


class JudgesBeforeItsFirstTick(Mutant):
    """Answers from its stamps alone, and so also while its own tick is overdue."""

    @override
    def suspects(self, now: float) -> Set[NodeId]:
        due = self.next_deadline()
        late = due is not None and now - due > 5.0
        return {node for node in self.others if late} or super().suspects(now)

    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.others = others
        super().members(others, now)


class GivesUpItsJudgementForGood(Mutant):
    """After a pause of its own it never suspects any node again."""

    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self.exact._pause._window = float("inf")


class IgnoresOtherFrames(Mutant):
    @override
    def heard(self, node: NodeId, now: float) -> None:
        pass


class CountsEveryFrame(Mutant):
    """Takes each frame for an answer, and so learns that the next one comes within a millisecond."""

    OPTIONS = PhiAccrualOptions(min_std_deviation_ms=0.001, acceptable_heartbeat_pause_ms=2_950.0)

    @override
    def heard(self, node: NodeId, now: float) -> None:
        watch = self.exact._watched[node]
        watch.answered(watch.echo, now)


class KnowsStrangers(Mutant):
    @override
    def suspicion(self, node: NodeId, now: float) -> float:
        return super().suspicion(node, now) or 0.1


class ForgetsNoNode(Mutant):
    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self.ever: dict[NodeId, None] = {}

    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.ever |= dict.fromkeys(others)
        super().members(list(self.ever), now)


class BeginsAnewWithEachMemberList(Mutant):
    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.exact = PhiAccrualDetector(self.context, self.OPTIONS)
        super().members(others, now)


class ChokesOnGarbage(Mutant):
    @override
    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        if not payload.startswith(b"phi"):
            raise ValueError("that is not mine")
        return super().receive(sender, payload, now)


class AnswersMembersOnly(Mutant):
    others: Sequence[NodeId] = ()

    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.others = others
        super().members(others, now)

    @override
    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        return super().receive(sender, payload, now) if sender in self.others else ()


class TakesCopiesForAnswers(Mutant):
    @override
    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        self.heard(sender, now)
        return super().receive(sender, payload, now)


class WatchesAllNodes(Mutant):
    OPTIONS = PhiAccrualOptions(monitors=1_000_000)


class TalksTooMuch(Mutant):
    @override
    def tick(self, now: float) -> Sequence[Probe]:
        return [Probe(to, payload * 100) for to, payload in super().tick(now)]


class CountsFromTheEpoch(Mutant):
    """Believes that the clock began when it did."""

    @override
    def suspects(self, now: float) -> Set[NodeId]:
        return super().suspects(now) if now < 10_000 else set()


class LikesTheFirstBest(Mutant):
    """Watches only the first member."""

    @override
    def members(self, others: Sequence[NodeId], now: float) -> None:
        super().members(others[:-1] if len(others) > 3 else others, now)
