"""How two clusters of one name become one again.

Theory of operation. A node that was cut off when it started may have formed a cluster of its own. So each member keeps
probing, slowly, its seed nodes and its former peers, as far as no members are at these addresses. If one of them
replies as a member of another cluster, the smaller cluster gives way: all its members restart, and join the larger one.
Of two clusters of one size, the one with the higher number gives way. Only the reply to a member's own probe counts,
because it is fresh. A probe from an unknown node may be old, so it is answered with a probe.

Two halves of one cluster that have downed each other, which a downing strategy is there to prevent but no timing can
exclude (see `split`), find each other in the same way: each notifies the other that it is downed. The smaller half
gives way, or, of two of one size, the one without the lowest uid. If all members that knew each other have been
replaced since, none can send such a notice: two nodes of one cluster meet that do not know each other. If those of one
half only have been replaced, the other half gets the notice from a node that it does not know. A member that joined a
moment ago is not known to all members either, so both count only after that has lasted for `STRANGE` seconds in which
the members agree and can reach each other.
"""

from collections.abc import Sequence
from random import Random
from typing import Final, final

from casty.address import PeerAddress
from casty.member import NodeId

from casty_cluster.protocol.membership.admission import wrong_system
from casty_cluster.protocol.membership.effects import Effect, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.leader import converged
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.membership.vector_clock import VectorClock
from casty_cluster.wire.membership import Answer, Dissolve, Downed, Presence, Probe

_JITTER: Final = 0.3
STRANGE: Final = 15.0
"""Seconds; longer than a failure detector takes to notice that a member cannot be reached."""


@final
class ClusterMerge:
    """One member's search for other clusters of its name."""

    def __init__(
        self,
        local: NodeId,
        seed_set: Sequence[PeerAddress],
        settings: MembershipSettings,
        *,
        random: Random,
        now: float,
    ) -> None:
        self._local = local
        self._seed_set = tuple(seed_set)
        self._settings = settings
        self._places = tuple(sorted({*settings.seeds, *settings.contacts}))
        self._random = random
        self._probe_at = now
        self._strangers: dict[PeerAddress, tuple[NodeId, VectorClock, float]] = {}
        """Nodes that claim to be of this very cluster and are not known here: in which state that was seen, and since
        when.
        """
        self._schedule(now)

    def next_deadline(self) -> float:
        return self._probe_at

    def presence(self, state: GossipState) -> Presence:
        """What this member tells nodes of which it does not know whether they are of its cluster."""
        return Presence(self._settings.system, state.cluster, len(state.alive), self._seed_set)

    def tick(self, state: GossipState, now: float) -> list[Effect]:
        """Probe the places without a member, if it is time to."""
        if now < self._probe_at:
            return []
        self._schedule(now)
        members = {member.address for member in state.alive.values()}
        return [Send(at, Probe(self.presence(state), at)) for at in self._places if at not in members]

    def probed(self, state: GossipState, sender: NodeId, probe: Probe) -> list[Effect]:
        presence = probe.presence
        if refused := wrong_system(self._settings, sender, presence.system):
            return [Send(sender, refused)]
        if presence.cluster == state.cluster and state.is_gone(sender):
            return [downed_notice(state, sender)]
        answer = Send(sender, Answer(sender.uid, self.presence(state), probe.at))
        if gives_way(state, self._local, sender, presence):
            # The probe may be old. Only a fresh answer may cause a whole cluster to restart.
            return [answer, Send(sender, Probe(self.presence(state)))]
        return [answer]

    def must_give_way(self, state: GossipState, sender: NodeId, presence: Presence, now: float) -> bool:
        """Whether this cluster gives way to that of the sender, which has answered a probe."""
        is_another = presence.cluster != state.cluster or self.is_other_half(state, sender, now)
        return is_another and gives_way(state, self._local, sender, presence)

    def is_other_half(self, state: GossipState, node: NodeId, now: float) -> bool:
        """Whether a node that claims to be of this cluster has been unknown to its members for long enough."""
        if node in state.members or state.unreachable or not converged(state):
            self._strangers.pop(node.address, None)
            return False
        stranger, clock, since = self._strangers.get(node.address, (node, state.clock, now))
        if stranger != node or clock != state.clock:
            since = now
        self._strangers[node.address] = node, state.clock, since
        return now - since >= STRANGE

    def _schedule(self, now: float) -> None:
        self._probe_at = now + self._settings.merge_interval * self._random.uniform(1 - _JITTER, 1 + _JITTER)


def gives_way(state: GossipState, local: NodeId, other: NodeId, presence: Presence) -> bool:
    """Whether this cluster is the one of two that gives way, or this half of one, as far as its members know."""
    if presence.cluster == state.cluster:
        return other not in state.members and (len(state.alive), -local.uid) < (presence.size, -other.uid)
    return presence.cluster != 0 and (len(state.alive), -state.cluster) < (presence.size, -presence.cluster)


def gives_way_to_half(state: GossipState, notice: Downed) -> bool:
    """Whether this half of a cluster gives way to the half of the sender, which has downed it."""
    return (len(state.alive), -_lowest(state)) < (notice.size, -notice.lowest)


def dissolve(state: GossipState, local: NodeId, contact: NodeId) -> list[Effect]:
    """Have all other members restart and join the cluster of `contact`."""
    notice = Dissolve(state.cluster, (contact.host, contact.port))
    return [Send(node, notice) for node in sorted(state.alive.keys() - {local})]


def downed_notice(state: GossipState, node: NodeId) -> Send:
    """Notify a node that it is no longer a member of this cluster."""
    return Send(node, Downed(node.uid, state.cluster, len(state.alive), _lowest(state)))


def _lowest(state: GossipState) -> int:
    return min(node.uid for node in state.alive)
