"""Downing strategies with one fault each, of the kinds that strategies really have."""

from dataclasses import replace
from typing import override

from casty.spi.downing import Acquire, Decision, Down, DowningStrategy, MembershipView
from casty_cluster.protocol.downing import KeepMajority, KeepMajorityOptions, LeaseMajority, LeaseMajorityOptions


class Mutant:
    """Does what the right one does; each fault is a `decide` that does not."""

    def __init__(self) -> None:
        self.right: DowningStrategy = KeepMajority(KeepMajorityOptions())

    def decide(self, view: MembershipView) -> Decision:
        return self.right.decide(view)


class DownsWhatIsUnreachable(Mutant):
    """What earlier frameworks called auto-down."""

    @override
    def decide(self, view: MembershipView) -> Decision:
        return Down(view.unreachable - {view.local}, "unreachable") if view.unreachable else None


class KeepsBothHalves(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        if len(view.members) == 2 * len(view.unreachable):
            return Down(view.unreachable, "half of them")
        return super().decide(view)


class OverlooksDetours(Mutant):
    """Counts the members that it reaches itself, even if no other member of its side reaches them."""

    @override
    def decide(self, view: MembershipView) -> Decision:
        mine = view.observations.get(view.local, frozenset())
        return super().decide(replace(view, unreachable=mine, observations={view.local: mine} if mine else {}))


class KeepsUnreachableMembers(Mutant):
    """Downs one of those that miss each other, and not the others."""

    @override
    def decide(self, view: MembershipView) -> Decision:
        observed = {observer: subjects for observer, subjects in view.observations.items() if subjects}
        missed = view.unreachable & observed.keys()
        return Down(set(sorted(missed)[:1]), "missed") if missed else super().decide(view)


class AlwaysDecides(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        return super().decide(view) or Down(frozenset(), "nothing to do")


class GivesUpTooEasily(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        return Down({m.node for m in view.members}, "something is wrong") if view.unreachable else None


class DecidesForItself(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        decision = super().decide(view)
        return replace(decision, reason=f"so says {view.local}") if isinstance(decision, Down) else decision


class TakesTheFirstForTheLowest(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        if len(view.members) == 2 * len(view.unreachable) and not view.unreachable & view.observations.keys():
            reachable = {m.node for m in view.members} - view.unreachable
            return Down(view.unreachable if view.members[0].node in reachable else reachable, "the first one's half")
        return super().decide(view)


class RemembersDecisions(Mutant):
    last: Decision = None

    @override
    def decide(self, view: MembershipView) -> Decision:
        if self.last is None and view.unreachable:
            self.last = super().decide(view)
        return self.last


class SaysNothing(Mutant):
    @override
    def decide(self, view: MembershipView) -> Decision:
        decision = super().decide(view)
        return replace(decision, reason="") if isinstance(decision, Down) else decision


class AsksForItselfAlone(Mutant):
    """Each node requests the lease for itself, so that only one node of a side survives, or is downed by the others."""

    def __init__(self) -> None:
        self.right = LeaseMajority(LeaseMajorityOptions(url="memory://"))

    @override
    def decide(self, view: MembershipView) -> Decision:
        decision = super().decide(view)
        return replace(decision, owner=str(view.local)) if isinstance(decision, Acquire) else decision


class HasOneOwnerForAll(Mutant):
    def __init__(self) -> None:
        self.right = LeaseMajority(LeaseMajorityOptions(url="memory://"))

    @override
    def decide(self, view: MembershipView) -> Decision:
        decision = super().decide(view)
        return replace(decision, owner="the cluster") if isinstance(decision, Acquire) else decision


class GoesOnWithoutTheLease(Mutant):
    def __init__(self) -> None:
        self.right = LeaseMajority(LeaseMajorityOptions(url="memory://"))

    @override
    def decide(self, view: MembershipView) -> Decision:
        decision = super().decide(view)
        return replace(decision, lost=decision.won) if isinstance(decision, Acquire) else decision
