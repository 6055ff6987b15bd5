"""The exchange of gossip: what a member sends of its state, and what it makes of the states of others.

Theory of operation. Each round sends the state to one other member, or only a digest of it once all members that can be
reached are known to have the same one (see `rounds`). The receiver merges, and replies if the sender knows less. Gossip
counts only between two members of one cluster that know each other. Everything else is answered so that the sender can
correct itself:

1. Gossip of another cluster whose state names this node: the sender is notified that this node is not of that cluster.
2. Gossip of a node that is downed or removed, and of one that is unknown here while its state is no newer than this
   one, so that it must have been removed and forgotten: the sender is notified that it is downed.
3. Gossip of any other unknown node is ignored: that node has been admitted by a member whose gossip has yet to arrive.
4. Gossip that has this node as removed: this node is out.
5. Gossip that has waited here for longer than `gossip_ttl` is ignored: this process was held up, what the gossip says
   may be outdated, and newer gossip is under way.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple, final

from casty.member import NodeId

from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.cluster_merge import downed_notice
from casty_cluster.protocol.membership.effects import Effect, Ignored, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Received
from casty_cluster.protocol.membership.leader import converged
from casty_cluster.protocol.membership.rounds import Rounds
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.membership.vector_clock import Order
from casty_cluster.wire.membership import Digest, Goodbye, Gossip


class Exchanged(NamedTuple):
    """What became of one step of the exchange."""

    state: GossipState
    effects: Sequence[Effect] = ()
    is_removed: bool = False
    """Whether the other members have removed this node."""


@final
class GossipExchange:
    """One member's part in the exchange. The state is the caller's: each step returns the next one."""

    def __init__(self, local: NodeId, settings: MembershipSettings, random: Random, now: float) -> None:
        self._local = local
        self._settings = settings
        self._rounds = Rounds(settings.gossip_interval, settings.full_gossip_interval, random, now)

    def next_deadline(self) -> float:
        return self._rounds.next_deadline()

    def changed(self, now: float) -> None:
        """This node has changed the state: gossip soon."""
        self._rounds.changed(now)

    def tick(self, state: GossipState, now: float) -> Exchanged:
        """Gossip with one member, if it is time to."""
        if not self._rounds.is_due(now):
            return Exchanged(state)
        full = self._rounds.is_full(now)
        if full:
            state = state.forget(now - self._settings.tombstone_seconds)
        self._rounds.schedule(state, now)
        partner = self._rounds.partner(state, self._local)
        if partner is None:
            return Exchanged(state)
        if converged(state) and not full:
            return Exchanged(state, [Send(partner, compact.write_digest(state, partner))])
        return Exchanged(state, [Send(partner, compact.write(state, partner, now))])

    def receive(self, state: GossipState, received: Received, gossip: Gossip, now: float) -> Exchanged:
        sender = received.sender
        if received.waited > self._settings.gossip_ttl:
            return _ignored(state, sender, f"it has waited {received.waited:.1f} s to be read")
        try:
            theirs = compact.read(gossip, now).forget(now - self._settings.tombstone_seconds)
        except ValueError as error:
            return _ignored(state, sender, f"a damaged state: {error}")
        if theirs.cluster != state.cluster:
            ignored = Ignored(sender, "it is of another cluster")
            goodbye = [Send(sender, Goodbye(theirs.cluster))] if self._local in theirs.members else []
            return Exchanged(state, [ignored, *goodbye])
        if _is_outdated(state, sender, theirs):
            return Exchanged(state, [downed_notice(state, sender)])
        if sender not in state.members:
            return _ignored(state, sender, "this node does not know yet that it is a member")
        if self._local in theirs.tombstones:
            return Exchanged(state, is_removed=True)
        if self._local not in theirs.members:
            return _ignored(state, sender, "it does not know this node")
        return self._merge(state, sender, theirs, now)

    def receive_digest(self, state: GossipState, sender: NodeId, digest: Digest, now: float) -> Exchanged:
        if digest.cluster == state.cluster and state.is_gone(sender):
            return Exchanged(state, [downed_notice(state, sender)])
        if digest.cluster != state.cluster or sender not in state.members:
            return _ignored(state, sender, "it is no member of this cluster")
        try:
            seen = compact.read_digest(digest, state)
        except ValueError as error:
            return _ignored(state, sender, f"a damaged digest: {error}")
        if seen is None:  # the sender has another state: it replies with its own if it knows more
            return Exchanged(state, [Send(sender, compact.write(state, sender, now))])
        state = replace(state, seen=state.seen | seen)
        # The sender may still lack the names of members that have seen the state, and the leader waits for all of them.
        return Exchanged(state, [] if state.seen <= seen else [Send(sender, compact.write_digest(state, sender))])

    def _merge(self, state: GossipState, sender: NodeId, theirs: GossipState, now: float) -> Exchanged:
        merged = self._merged(state, theirs)
        if merged.clock != state.clock:
            self._rounds.learned(now)
        if merged.clock == theirs.clock and merged.seen <= theirs.seen:
            return Exchanged(merged)  # the sender knows all this: a reply would go on for ever
        return Exchanged(merged, [Send(sender, compact.write(merged, sender, now))])

    def _merged(self, state: GossipState, theirs: GossipState) -> GossipState:
        # A merge is no change, or every exchange would be news to all members (see `vector_clock`).
        return state.merge(theirs).seen_by(self._local)


def _is_outdated(state: GossipState, sender: NodeId, theirs: GossipState) -> bool:
    """Whether the sender was downed or removed, and does not know."""
    if sender in state.members or sender in state.tombstones:
        return state.is_gone(sender)
    # Neither a member nor a tombstone: it is either new, and then knows of changes that this node does not, or its
    # tombstone is forgotten.
    known = theirs.clock.only(state.members)
    return known.compare(state.clock) in (Order.same, Order.before)


def _ignored(state: GossipState, sender: NodeId, reason: str) -> Exchanged:
    return Exchanged(state, [Ignored(sender, reason)])
