"""Which nodes a member admits: a decision about one request, from the state alone."""

from typing import Final

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.membership.compact import most_bytes
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.wire.membership import Join, Refusal

LONGEST_NAME: Final = 255
NAMES: Final = f"printable and at most {LONGEST_NAME} characters long"


def is_name(text: str) -> bool:
    """Whether a node may have this `node_id` or role: each member has a copy, and writes it into its log."""
    return text.isprintable() and len(text) <= LONGEST_NAME


def refusal(
    state: GossipState, settings: MembershipSettings, local: NodeId, sender: NodeId, join: Join
) -> Refusal | None:
    """Return why the sender is rejected; None if it is admitted."""
    if other_system := wrong_system(settings, sender, join.system):
        return other_system
    if not all(map(is_name, (join.node_id, *join.roles))):
        return Refusal(sender.uid, f"its node_id and its roles must be {NAMES}; correct them", final=True)
    for key, theirs in sorted(join.configuration.items()):
        ours = settings.configuration.get(key, theirs)
        if ours != theirs:
            return Refusal(
                sender.uid, f"{key} is {theirs} at this node and {ours} in the cluster; make them the same", final=True
            )
    if state.members[local].status is MemberStatus.leaving:
        return Refusal(sender.uid, f"{local.address} is leaving; ask another member", final=False)
    if namesake := _namesake(state, sender, join.node_id):
        lives = namesake.node not in state.unreachable
        return Refusal(
            sender.uid,
            f"the node_id {join.node_id!r} is that of the member {namesake.node}; give each node one of its own, or "
            "wait until that member is removed, if its process is dead",
            final=lives,
            patience=settings.namesake_timeout if lives else 0.0,
        )
    if most_bytes(admit(state, sender, join, 0.0)) > settings.max_gossip_bytes:
        return Refusal(
            sender.uid,
            f"the cluster is full: with one more than its {len(state.members)} members, its state could be larger than "
            f"the {settings.max_gossip_bytes} bytes that a control frame carries",
            final=False,
        )
    return None


def wrong_system(settings: MembershipSettings, sender: NodeId, system: str) -> Refusal | None:
    """Return the answer to a node of another system; None if it is of this one."""
    if system == settings.system:
        return None
    return Refusal(
        sender.uid,
        f"this node belongs to the system {system!r}, and the node that it asked to {settings.system!r}; "
        "correct its name or its seed_nodes",
        final=True,
    )


def admit(state: GossipState, sender: NodeId, join: Join, now: float) -> GossipState:
    """With the sender as a joining member, in place of an earlier incarnation at its address."""
    earlier = [member.node for member in state.members.values() if member.address == sender.address]
    joining = Member(node=sender, node_id=join.node_id, roles=join.roles)
    return state.remove(earlier, now).set(joining)


def _namesake(state: GossipState, sender: NodeId, node_id: str) -> Member | None:
    others = (member for member in state.alive.values() if member.address != sender.address)
    return next((member for member in others if member.node_id == node_id), None)
