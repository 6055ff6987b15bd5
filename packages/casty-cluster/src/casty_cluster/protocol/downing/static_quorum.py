"""The strategy `static-quorum`: a side survives if it has a fixed number of members.

Two sides cannot both have it as long as there are fewer than twice as many members; where there are more, no side
survives.
"""

from dataclasses import dataclass
from typing import Final, final

from casty.spi.downing import Decision, MembershipView

from casty_cluster.protocol.downing.sides import Judgement, Sides, Verdict, decide_by_sides

NAME: Final = "static-quorum"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticQuorumOptions:
    quorum_size: int
    """Members that a side needs to survive; the cluster may have up to `2 * quorum_size - 1`."""
    role: str | None = None
    """Only members with this role count."""

    def __post_init__(self) -> None:
        if self.quorum_size < 1:
            raise ValueError(f"quorum_size must be at least 1; it is {self.quorum_size}")


@final
class StaticQuorum:
    """See `casty.spi.downing.DowningStrategy`."""

    def __init__(self, options: StaticQuorumOptions) -> None:
        self._quorum = options.quorum_size
        self._role = options.role

    def decide(self, view: MembershipView) -> Decision:
        return decide_by_sides(NAME, view, self._role, self._judge)

    def _judge(self, sides: Sides) -> Judgement:
        here, there, most = len(sides.here()), len(sides.there(joining=True)), 2 * self._quorum - 1
        if here + there > most:
            return Judgement(Verdict.none, f"of {here + there} members two sides may have {self._quorum}")
        reason = f"{here} members are on this side, {self._quorum} are a quorum"
        return Judgement(Verdict.survives if here >= self._quorum else Verdict.downed, reason)
