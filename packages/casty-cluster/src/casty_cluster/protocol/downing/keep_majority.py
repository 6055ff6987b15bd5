"""The strategy `keep-majority`: the side with more members survives, of two halves the one with the lowest node.

A member may have come up, or left, on the other side without this side knowing. So the members are counted a second
time, this side as low and the other one as high as possible; where that would change the verdict, no side survives.
"""

from dataclasses import dataclass
from typing import Final, final

from casty.member import Member
from casty.spi.downing import Decision, MembershipView

from casty_cluster.protocol.downing.sides import Judgement, Sides, Verdict, decide_by_sides

NAME: Final = "keep-majority"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepMajorityOptions:
    role: str | None = None
    """Only members with this role count."""


@final
class KeepMajority:
    """See `casty.spi.downing.DowningStrategy`."""

    def __init__(self, options: KeepMajorityOptions) -> None:
        self._role = options.role

    def decide(self, view: MembershipView) -> Decision:
        return decide_by_sides(NAME, view, self._role, _judge)


def _judge(sides: Sides) -> Judgement:
    counted, here = sides.counted(), sides.here()
    reason = f"{len(here)} of {len(counted)} members are on this side"
    if not _has_majority(here, sides.there(), counted):
        return Judgement(Verdict.downed, reason)
    certain = sides.counted(leaving=False)
    if not _has_majority(sides.here(leaving=False), sides.there(joining=True), certain):
        return Judgement(Verdict.none, f"{reason}, but others may have come up or left meanwhile")
    return Judgement(Verdict.survives, reason)


def _has_majority(here: list[Member], there: list[Member], counted: list[Member]) -> bool:
    if len(here) != len(there):
        return len(here) > len(there)
    return bool(counted) and counted[0] in here
