"""How two clusters of one name become one again.

Theory of operation. A node that was cut off when it started may have begun a cluster of its own. So a member goes on
probing, slowly, its seed nodes, and where it was in a cluster before, as far as no members are there. If one of these
turns out to be a member of another cluster, the smaller of the two gives way: all its members start again, and join the
other one. Of two of one size, the one with the higher number gives way. Only an answer to one's own probe counts,
because it is fresh: a probe from a stranger may be old, and is answered with a probe.

Two halves of one cluster that have given up each other, which a downing strategy is there to prevent but no timing can
exclude (see `split`), find out in the same way: they tell each other that they are given up. Then it is the smaller
half that gives way, or, of two of one size, the one without the lowest uid.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from casty.address import PeerAddress

from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.messages import GivenUp, Presence

_JITTER: Final = 0.3


class Islands:
    """One member's look-out for other clusters."""

    def __init__(self, places: Sequence[PeerAddress], interval: float, random: Random, now: float) -> None:
        self._places = tuple(sorted(set(places)))
        self._interval = interval
        self._random = random
        self._look_at = now
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

    def _schedule(self, now: float) -> None:
        self._look_at = now + self._interval * self._random.uniform(1 - _JITTER, 1 + _JITTER)


def gives_way(state: GossipState, presence: Presence) -> bool:
    """Whether this cluster is the one of two that starts again."""
    another = presence.cluster not in (0, state.cluster)
    return another and (len(state.alive), -state.cluster) < (presence.size, -presence.cluster)


def gives_way_to_half(state: GossipState, notice: GivenUp) -> bool:
    """Whether this half of a cluster is the one that starts again, after a notice from one that it has given up."""
    return (len(state.alive), -lowest(state)) < (notice.size, -notice.lowest)


def lowest(state: GossipState) -> int:
    """The lowest uid of the members."""
    return min(node.uid for node in state.alive)
