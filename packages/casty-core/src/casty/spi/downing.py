"""What a downing strategy implements: who goes on when the members cannot all reach each other. A pure function."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

from casty.member import Member, NodeId

SPI: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipView:
    """The cluster as one node sees it, unchanged for long enough to be decided about."""

    local: NodeId
    members: Sequence[Member]
    """Those that are joining, up or leaving, by node; the local one among them."""
    unreachable: Set[NodeId]
    """Of the members those that somebody on this side cannot reach."""
    observations: Mapping[NodeId, Set[NodeId]]
    """Whom each observer calls unreachable, as far as this is known here."""


@dataclass(frozen=True, slots=True)
class Down:
    """Give these up. Where the local node is among them, it is on the losing side."""

    nodes: Set[NodeId]
    reason: str


@dataclass(frozen=True, slots=True)
class Acquire:
    """Whoever gets the lease decides: `won` is carried out if this node gets it within `delay` seconds or less, else
    `lost`.
    """

    lease: str
    """Its name, which does not depend on the side."""
    delay: float
    """Seconds to wait before trying, so that the side with better claims comes first."""
    won: Down
    lost: Down


type Decision = Down | Acquire | None
"""None: leave everything as it is."""


class DowningStrategy(Protocol):
    """Decides alike on every node of one side, and for at most one side that it goes on."""

    def decide(self, view: MembershipView) -> Decision:
        """Called when `unreachable` is not empty and nothing has changed for a while, and again as long as it lasts.

        The answer depends on the view alone, and not on the order in which it lists anything.
        """
        ...
