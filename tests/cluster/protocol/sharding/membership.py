"""Nodes and views of them for tests of one machine."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from casty.member import ClusterState, Member, MemberStatus, NodeId
from casty_cluster.protocol.sharding.inputs import Viewed

A, B, C, D, E = (NodeId(name, 1, uid) for uid, name in enumerate("abcde", 1))


def viewed(
    local: NodeId,
    up: Collection[NodeId],
    *,
    joining: Collection[NodeId] = (),
    down: Collection[NodeId] = (),
    retiring: Collection[NodeId] = (),
    unreachable: Collection[NodeId] = (),
    roles: Mapping[NodeId, Collection[str]] = MappingProxyType({}),
) -> Viewed:
    """Members that are up are named by age: the uid is the order in which they came up."""
    statuses = {**dict.fromkeys(up, MemberStatus.up), **dict.fromkeys(joining, MemberStatus.joining)}
    statuses |= dict.fromkeys(down, MemberStatus.down)
    members = [
        Member(
            node=node,
            node_id=node.host,
            roles=tuple(roles.get(node, ())),
            status=status,
            up_number=0 if node in joining else node.uid,
        )
        for node, status in statuses.items()
    ]
    return Viewed(
        ClusterState(
            local=local,
            members=tuple(members),
            retiring=frozenset(retiring),
            unreachable=frozenset(unreachable),
        )
    )
