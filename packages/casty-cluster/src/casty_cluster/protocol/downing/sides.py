"""The two sides of a split as one of them sees it, and what follows from its verdict.

Theory of operation. Nodes of one side know what each of them observes, so they see the same and decide alike. Those
that both miss somebody and are missed by somebody are *indirectly connected*: a clean split or a crash makes none of
these, only a network in which some links are cut and others are not. No side could say whom to keep of them, so they
are all given up. What they observed of each other is then left out, and a strategy judges what remains: this side, the
indirectly connected among it, against the rest. If even then somebody misses and is missed, what is known is too
contradictory to go by, and everybody is given up.

This is how Pekko's `DowningStrategy.scala` does it.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import MembershipView


class Verdict(Enum):
    """What becomes of the side that judges."""

    go_on = "this side survives"
    give_up = "this side is downed"
    nobody = "no side survives"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The members that count, by whether they are reachable from here."""

    members: Sequence[Member]
    unreachable: Set[NodeId]

    def counted(self, *, joining: bool = False, leaving: bool = True) -> list[Member]:
        """The members by node. Those that are joining do not count yet, those that are leaving still do."""
        statuses = {MemberStatus.up}
        statuses |= {MemberStatus.joining} if joining else set()
        statuses |= {MemberStatus.leaving} if leaving else set()
        return sorted((member for member in self.members if member.status in statuses), key=lambda member: member.node)

    def here(self, *, joining: bool = False, leaving: bool = True) -> list[Member]:
        counted = self.counted(joining=joining, leaving=leaving)
        return [member for member in counted if member.node not in self.unreachable]

    def there(self, *, joining: bool = False, leaving: bool = True) -> list[Member]:
        counted = self.counted(joining=joining, leaving=leaving)
        return [member for member in counted if member.node in self.unreachable]


type Judge = Callable[[Sides], Judgement]


@dataclass(frozen=True, slots=True)
class Split:
    """What a view means: who is given up in any case, and whom this side has against it."""

    everybody: Set[NodeId]
    indirect: Set[NodeId]
    """Connected to this side, but not to all of it, or not in both directions."""
    unreachable: Set[NodeId]
    """The other side."""
    contradictory: bool

    @classmethod
    def of(cls, view: MembershipView) -> "Split":
        everybody = frozenset(member.node for member in view.members)
        observed = {
            observer: subjects & everybody
            for observer, subjects in view.observations.items()
            if observer in everybody and subjects & everybody
        }
        indirect = _missing_and_missed(observed)
        if not indirect:
            return cls(everybody, indirect, view.unreachable & everybody, contradictory=False)
        rest = {
            observer: left
            for observer, subjects in observed.items()
            if (left := subjects - indirect if observer in indirect else subjects)
        }
        return cls(everybody, indirect, _missed(rest), contradictory=bool(_missing_and_missed(rest)))

    def given_up(self, verdict: Verdict) -> Set[NodeId]:
        match verdict:
            case Verdict.go_on:
                return self.indirect | self.unreachable
            case Verdict.give_up:
                return self.indirect | (self.everybody - self.unreachable)
            case Verdict.nobody:
                return self.everybody


def with_role(members: Sequence[Member], role: str | None) -> list[Member]:
    return [member for member in members if role is None or role in member.roles]


def _missed(observed: Mapping[NodeId, Set[NodeId]]) -> Set[NodeId]:
    return frozenset(chain.from_iterable(observed.values()))


def _missing_and_missed(observed: Mapping[NodeId, Set[NodeId]]) -> Set[NodeId]:
    return _missed(observed) & observed.keys()
