"""How two clusters of one name become one again.

Theory of operation. A node that was cut off when it started may have begun a cluster of its own. So a member goes on
probing, slowly, its seed nodes, and where it was in a cluster before, as far as no members are there. If one of these
turns out to be a member of another cluster, the smaller of the two gives way: all its members start again, and join the
other one. Of two of one size, the one with the higher number gives way. Only an answer to one's own probe counts,
because it is fresh: a probe from a stranger may be old, and is answered with a probe.

Two halves of one cluster that have given up each other, which a downing strategy is there to prevent but no timing can
exclude (see `split`), find out in the same way: they tell each other that they are given up. Then it is the smaller
half that gives way, or, of two of one size, the one without the lowest uid. If all that knew each other have been
replaced since, nobody is left to say so: two nodes of one cluster meet that do not know each other. As a member that
came a moment ago is not known to all either, this means something only if it stays so for `STRANGE` seconds, in which
the members agree and can reach each other.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from casty.address import PeerAddress
from casty.member import NodeId

from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.leader import converged
from casty_cluster.protocol.membership.vector_clock import VectorClock
from casty_cluster.wire.membership import GivenUp, Presence

_JITTER: Final = 0.3
STRANGE: Final = 15.0
"""Seconds; more than a failure detector takes to find out that somebody cannot be reached."""


class Islands:
    """One member's look-out for other clusters."""

    def __init__(self, places: Sequence[PeerAddress], interval: float, random: Random, now: float) -> None:
        self._places = tuple(sorted(set(places)))
        self._interval = interval
        self._random = random
        self._look_at = now
        self._strangers: dict[PeerAddress, tuple[NodeId, VectorClock, float]] = {}
        """Who of this very cluster has answered without being known here, in which state, and since when."""
        self._schedule(now)

    def next_deadline(self) -> float:
        return self._look_at

    def tick(self, state: GossipState, now: float) -> list[PeerAddress]:
        """The places to probe now."""
        if now < self._look_at:
            return []
        self._schedule(now)
        members = {member.address for member in state.alive.values()}
        return [place for place in self._places if place not in members]

    def is_of_other_half(self, state: GossipState, node: NodeId, now: float) -> bool:
        """Whether one that says to be of this cluster is none of those that this one knows, and stays so."""
        if node in state.members or state.unreachable or not converged(state):
            self._strangers.pop(node.address, None)
            return False
        stranger, clock, since = self._strangers.get(node.address, (node, state.clock, now))
        if stranger != node or clock != state.clock:
            since = now
        self._strangers[node.address] = node, state.clock, since
        return now - since >= STRANGE

    def _schedule(self, now: float) -> None:
        self._look_at = now + self._interval * self._random.uniform(1 - _JITTER, 1 + _JITTER)


def gives_way(state: GossipState, local: NodeId, other: NodeId, presence: Presence) -> bool:
    """Whether this cluster is the one of two that starts again, or this half of one, as far as its members know."""
    if presence.cluster == state.cluster:
        return other not in state.members and (len(state.alive), -local.uid) < (presence.size, -other.uid)
    return presence.cluster != 0 and (len(state.alive), -state.cluster) < (presence.size, -presence.cluster)


def gives_way_to_half(state: GossipState, notice: GivenUp) -> bool:
    """Whether this half of a cluster is the one that starts again, after a notice from one that it has given up."""
    return (len(state.alive), -lowest(state)) < (notice.size, -notice.lowest)


def lowest(state: GossipState) -> int:
    """The lowest uid of the members."""
    return min(node.uid for node in state.alive)
