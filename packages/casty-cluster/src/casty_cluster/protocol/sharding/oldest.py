"""Which member coordinates: the oldest one that stays."""

from casty.member import ClusterState, Member, MemberStatus, NodeId


def host_of(state: ClusterState) -> Member | None:
    """The oldest member that is up and does not retire; None: all retire, or none is up yet.

    Hosts that follow each other have growing numbers of coming up, which are the terms of their coordinators.
    """
    staying = [member for member in state.up if member.node not in state.retiring]
    return min(staying, key=lambda member: member.up_number, default=None)


def present(state: ClusterState) -> frozenset[NodeId]:
    """The members without downed ones, as far as this node knows."""
    return frozenset((state.local, *state.others))


def leaving(state: ClusterState) -> frozenset[NodeId]:
    """Members that are about to leave."""
    going = (member.node for member in state.members if member.status is MemberStatus.leaving)
    return state.retiring | frozenset(going)
