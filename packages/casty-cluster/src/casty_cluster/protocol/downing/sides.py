"""The two sides of a partition as one of them sees it, and what follows from its verdict.

Theory of operation. Nodes of one side know what each of them observes, so they see the same and decide alike. A member
that finds another one unreachable, and is found unreachable itself, is *indirectly connected*: a clean partition or a
crash causes none of these, only a network in which some links are cut and others are not. No side could tell which of
them to keep, so they are all downed. Their observations of each other are then left out, and a strategy judges what
remains: this side, with the indirectly connected members in it, against the rest. If even then members are indirectly
connected, the observations are too contradictory to decide by, and all members are downed.

This is how Pekko's `DowningStrategy.scala` does it.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Down, MembershipView


class Verdict(Enum):
    """What becomes of the side that judges."""

    survives = "this side survives"
    downed = "this side is downed"
    none = "no side survives"


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
        statuses = [MemberStatus.up]
        statuses += [MemberStatus.joining] if joining else []
        statuses += [MemberStatus.leaving] if leaving else []
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
    """What a view means: the members that are downed in any case, and the two sides."""

    all_members: Set[NodeId]
    indirect: Set[NodeId]
    """Members that are connected to this side, but not to all of it, or not in both directions."""
    unreachable: Set[NodeId]
    """The other side."""
    contradictory: bool

    @classmethod
    def of(cls, view: MembershipView) -> "Split":
        all_members = frozenset(member.node for member in view.members)
        observed = {
            observer: subjects & all_members
            for observer, subjects in view.observations.items()
            if observer in all_members and subjects & all_members
        }
        indirect = _indirect(observed)
        if not indirect:
            return cls(all_members, indirect, view.unreachable & all_members, contradictory=False)
        rest = {
            observer: left
            for observer, subjects in observed.items()
            if (left := subjects - indirect if observer in indirect else subjects)
        }
        return cls(all_members, indirect, _unreached(rest), contradictory=bool(_indirect(rest)))

    def downed(self, verdict: Verdict) -> Set[NodeId]:
        match verdict:
            case Verdict.survives:
                return self.indirect | self.unreachable
            case Verdict.downed:
                return self.indirect | (self.all_members - self.unreachable)
            case Verdict.none:
                return self.all_members


def decide_by_sides(
    name: str, view: MembershipView, role: str | None, judge: Callable[[Sides], Judgement]
) -> Down | None:
    """Decide as the strategy `name`, by the members of the two sides alone.

    Only members with the role count, if one is given, but all members of a losing side are downed.
    """
    if not view.unreachable:
        return None
    split = Split.of(view)
    if split.contradictory:
        return Down(split.all_members, f"{name}: what the members observe of each other is contradictory")
    sides = Sides(with_role(view.members, role), split.unreachable)
    judgement = judge(sides) if sides.counted() else Judgement(Verdict.none, f"no member that counts {_has(role)}")
    detours = f"; {len(split.indirect)} are connected by detours only" if split.indirect else ""
    return Down(split.downed(judgement.verdict), f"{name}: {judgement.verdict.value}: {judgement.reason}{detours}")


def with_role(members: Sequence[Member], role: str | None) -> list[Member]:
    return [member for member in members if role is None or role in member.roles]


def _unreached(observed: Mapping[NodeId, Set[NodeId]]) -> Set[NodeId]:
    return frozenset(chain.from_iterable(observed.values()))


def _indirect(observed: Mapping[NodeId, Set[NodeId]]) -> Set[NodeId]:
    return _unreached(observed) & observed.keys()


def _has(role: str | None) -> str:
    return "is there" if role is None else f"has the role {role!r}"
