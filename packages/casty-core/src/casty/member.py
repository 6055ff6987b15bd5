"""The nodes of a cluster as its users see them: their identity and their status."""

from dataclasses import dataclass
from enum import Enum
from typing import override

from casty.address import PeerAddress
from casty.node_id import NodeId as NodeId
from casty.regions import RegionState


class MemberStatus(Enum):
    """The status of a member. It only ever advances, from the first of these to the last, and may skip some."""

    joining = "joining"
    """It has been admitted; not all members know it yet."""
    up = "up"
    leaving = "leaving"
    """It leaves in order and hands over what it runs."""
    down = "down"
    """It has been downed: its messages no longer count."""
    removed = "removed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A node of the cluster, as far as this node knows.

    It also equals the `NodeId` of that node, and has its hash, so that `state.leader == system.self_node` holds.
    """

    node: NodeId
    node_id: str
    """Its name: unique in the cluster, `host:port` unless configured."""
    roles: tuple[str, ...] = ()
    status: MemberStatus = MemberStatus.joining
    up_number: int = 0
    """Order in which members became up; lower is older. 0 before it is up. A later cluster has higher numbers."""

    @property
    def address(self) -> PeerAddress:
        return self.node.address

    @property
    def host(self) -> str:
        return self.node.host

    @property
    def port(self) -> int:
        return self.node.port

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Member):
            return self is other or _parts(self) == _parts(other)
        return self.node == other if isinstance(other, NodeId) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """What one incarnation of this node knows of its cluster."""

    local: NodeId
    members: tuple[Member, ...]
    """By node, the local one among them; no removed ones."""
    unreachable: frozenset[NodeId] = frozenset()
    retiring: frozenset[NodeId] = frozenset()
    """Members that have announced that they are about to leave, so that they are given nothing new."""
    leader: NodeId | None = None
    regions: tuple[RegionState, ...] = ()
    """The regions of sharded behaviors, by name, in what `get_cluster_state` returns; features of a node see none."""

    @property
    def up(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.status is MemberStatus.up)

    @property
    def others(self) -> tuple[NodeId, ...]:
        """The other members by node, without downed ones. Until all members know that a node has been restarted, two
        of them may be at one address.
        """
        return tuple(
            member.node
            for member in self.members
            if member.node != self.local and member.status is not MemberStatus.down
        )


def _parts(member: Member) -> tuple[object, ...]:
    return (member.node, member.node_id, member.roles, member.status, member.up_number)
