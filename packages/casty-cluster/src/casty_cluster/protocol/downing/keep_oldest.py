"""The strategy `keep-oldest`: the side with the oldest member survives, and what runs there, such as singletons.

With `down_if_alone`, an oldest member that no other one can reach is downed instead, unless there are only two members.
Where a member that came up or left on the other side without this side knowing would change the verdict, no side
survives.
"""

from dataclasses import dataclass
from typing import Final, final

from casty.member import Member
from casty.spi.downing import Decision, MembershipView

from casty_cluster.protocol.downing.sides import Judgement, Sides, Verdict, decide_by_sides

NAME: Final = "keep-oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepOldestOptions:
    down_if_alone: bool = True
    """Whether the oldest member is downed if no other one is on its side."""
    role: str | None = None
    """Only members with this role count."""


@final
class KeepOldest:
    """See `casty.spi.downing.DowningStrategy`."""

    def __init__(self, options: KeepOldestOptions) -> None:
        self._down_if_alone = options.down_if_alone
        self._role = options.role

    def decide(self, view: MembershipView) -> Decision:
        return decide_by_sides(NAME, view, self._role, self._judge)

    def _judge(self, sides: Sides) -> Judgement:
        oldest = _oldest(sides.counted())
        where = "on the other side" if oldest.node in sides.unreachable else "on this side"
        reason = f"the oldest member, {oldest.node}, is {where}"
        if not self._survives(oldest, sides, len(sides.here()), len(sides.there())):
            return Judgement(Verdict.downed, reason)
        return Judgement(Verdict.survives if self._for_certain(sides) else Verdict.none, reason)

    def _for_certain(self, sides: Sides) -> bool:
        """Whether this side survives also if leaving members have left, or joining ones have come up."""
        staying = sides.counted(leaving=False)
        if not staying:
            return False
        joining = self._down_if_alone
        here, there = sides.here(joining=joining, leaving=False), sides.there(joining=joining, leaving=False)
        return self._survives(_oldest(staying), sides, len(here), len(there))

    def _survives(self, oldest: Member, sides: Sides, here: int, there: int) -> bool:
        if oldest.node in sides.unreachable:
            return self._down_if_alone and there == 1 and here > 1
        return not (self._down_if_alone and here == 1 and there > 1)


def _oldest(members: list[Member]) -> Member:
    return min(members, key=lambda member: (member.up_number, member.node))
