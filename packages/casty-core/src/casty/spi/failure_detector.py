"""What a failure detector implements: a machine that exchanges signs of life with other nodes and suspects silent ones.

Pure: it reads no clock, opens nothing and draws nothing by itself. `now` is always an argument, in seconds of one
monotonic clock; its driver delivers its messages, which may be lost, late, doubled or out of order.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple, Protocol

from casty.member import NodeId

SPI: Final = 1


class Probe(NamedTuple):
    """A message of a detector to that of another node."""

    to: NodeId
    payload: bytes
    """At most 1,024 bytes, whatever the size of the cluster; understood by detectors of the same kind only. What does
    not fit has to wait for the next probe.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorContext:
    """What a detector is made with, beside its options."""

    local: NodeId
    random: Random
    interval: float
    """Seconds between two signs of life: `[cluster.heartbeat] interval`."""
    check_interval: float
    """Seconds between two checks for silent nodes: `[cluster.heartbeat] availability_check_interval`."""


class FailureDetector(Protocol):
    """Suspicion of the other members of one node's cluster."""

    def members(self, others: Sequence[NodeId], now: float) -> None:
        """From now on these are the other members, and there are no more; those that it does not watch itself, it may
        leave to others. What it knew of a node that is gone is forgotten.
        """
        ...

    def heard(self, node: NodeId, now: float) -> None:
        """Any frame at all came from `node`: a sign of life that no probe asked for."""
        ...

    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        """A probe of `sender`'s detector arrived: the probes to send in reply. Never raises, whatever the bytes are.

        Reply also to a node that is not a member: a joining node and the members do not learn of each other at once.
        """
        ...

    def tick(self, now: float) -> Sequence[Probe]:
        """Do what is due. Called at `next_deadline`, or later where the process was held up, which it notices: its own
        pause is never held against the others.
        """
        ...

    def next_deadline(self) -> float | None:
        """When `tick` is due next, never before the time of the last call; None: not before there are other members."""
        ...

    def suspicion(self, node: NodeId, now: float) -> float:
        """0.0 for a node that is surely alive, growing while it stays silent; 0.0 for one that it does not watch."""
        ...

    def suspects(self, now: float) -> Set[NodeId]:
        """The watched nodes that count as unreachable; to be asked again after each of the calls above."""
        ...
