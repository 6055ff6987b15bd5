"""When a node gossips, and with which member.

Theory of operation. A node gossips once an interval, three times as often until the state has converged, and soon after
a change of its own. The partner is drawn from the members that have not seen the state, four times out of five, else
from all. With all members equal, news spreads like a rumour, in logarithmic time. Akka slows down once half of the
members have seen the state; but then the leader, which has to know that all have, waits longest for the last of them,
and no message is saved.
"""

from random import Random
from typing import Final

from casty.member import NodeId

from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.leader import converged

_UNSEEN_FIRST: Final = 0.8
_HASTE: Final = 1 / 3
_AT_ONCE: Final = 1 / 20
"""Of an interval: changes in quick succession travel together."""
_JITTER: Final = 0.1


class Rounds:
    """One member's rounds of gossip."""

    def __init__(self, interval: float, full_interval: float, random: Random, now: float) -> None:
        self._interval = interval
        self._full_interval = full_interval
        self._random = random
        self._gossip_at = now + interval * _AT_ONCE
        self._full_at = now + full_interval

    def next_deadline(self) -> float:
        return min(self._gossip_at, self._full_at)

    def is_due(self, now: float) -> bool:
        return now >= self.next_deadline()

    def is_full(self, now: float) -> bool:
        """Whether this round sends the whole state although no member seems to need it. Asked once a round."""
        if now < self._full_at:
            return False
        self._full_at = now + self._full_interval
        return True

    def changed(self, now: float) -> None:
        """This node has changed the state."""
        self._gossip_at = min(self._gossip_at, now + self._interval * _AT_ONCE)

    def learned(self, now: float) -> None:
        """Gossip of another node contained news."""
        self._gossip_at = min(self._gossip_at, now + self._interval * _HASTE * self._random.random())

    def schedule(self, state: GossipState, now: float) -> None:
        """This round is over."""
        pace = 1.0 if converged(state) else _HASTE
        self._gossip_at = now + self._interval * pace * self._random.uniform(1 - _JITTER, 1 + _JITTER)

    def partner(self, state: GossipState, local: NodeId) -> NodeId | None:
        """Draw a member that this node can reach; None if there is none."""
        out_of_reach = state.reachability.row(local).unreachable
        partners = sorted(node for node in state.alive if node != local and node not in out_of_reach)
        unseen = [node for node in partners if node not in state.seen]
        if unseen and self._random.random() < _UNSEEN_FIRST:
            partners = unseen
        return self._random.choice(partners) if partners else None
