"""What a downing strategy implements: which side of a partition survives. A pure function."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from casty.member import Member, NodeId

SPI: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipView:
    """The cluster as one node sees it, unchanged for long enough to be decided about."""

    local: NodeId
    members: Sequence[Member]
    """Those that are joining, up or leaving, by node; the local one among them."""
    unreachable: Set[NodeId]
    """The members that any member reports as unreachable: all that appear in `observations`."""
    observations: Mapping[NodeId, Set[NodeId]]
    """Which members each member reports as unreachable, as far as this is known here. Members that exchange what they
    know, by whatever detours, have the same view and so decide alike.
    """


@dataclass(frozen=True, slots=True)
class Down:
    """Down these members. Where the local node is among them, it is on the losing side."""

    nodes: Set[NodeId]
    """Members of the view, at least one; others are ignored. The winning side downs the members that it cannot reach,
    the losing side all that it can reach, itself among them. A strategy that can tell neither for certain downs all.
    """
    reason: str
    """For the log of every node, and the event `NodeDowned`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquire:
    """Let a lease decide: `won` is carried out if the lease is granted, `lost` if another holder has it, or if the
    store cannot tell.
    """

    store: str
    """The URL of the lease store."""
    lease: str
    """Its name within this cluster; the caller puts the system's name before it."""
    owner: str
    """The holder's name. The same for all nodes of one side, and for no other node: each of them may ask."""
    seconds: float
    """How long to take it for. It is neither renewed nor given back: others may come to the same question later."""
    delay: float
    """Seconds to wait before asking, so that the side with better claims comes first."""
    won: Down
    lost: Down


type Decision = Down | Acquire | None
"""None: leave everything as it is."""


class DowningStrategy(Protocol):
    """Decides alike on every node of one side, and lets at most one side survive."""

    def decide(self, view: MembershipView) -> Decision:
        """Called when `unreachable` is not empty and nothing has changed for a while, and again as long as it lasts.

        The decision depends on the view alone, and neither on which of its nodes asks nor on the order in which the
        view lists anything.
        """
        ...


@runtime_checkable
class LeasingStrategy(DowningStrategy, Protocol):
    """A strategy that may decide to acquire a lease. It names the lease store before there is anything to decide, so
    that a node whose store is misspelt or not installed fails at its start, and not in the middle of a partition.
    """

    @property
    def store(self) -> str:
        """The URL of the lease store, as in `Acquire.store`."""
        ...
