"""The state as the message that carries it: nodes are written once, and named by their position from then on.

A frame of the control lane has room for a limited number of bytes. `most_bytes` returns how large the message of a
state can become at worst, when all its members have lost each other; a member checks it before it admits a node.
"""

from collections.abc import Iterable, Sequence

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.reachability import Observation, Reachability
from casty_cluster.protocol.membership.vector_clock import VectorClock
from casty_cluster.wire.membership import Digest, Gossip


def write(state: GossipState, to: NodeId, now: float) -> Gossip:
    """Return the message for that node."""
    members = [state.members[node] for node in sorted(state.members)]
    removed = sorted(state.tombstones)
    nodes = [*(member.node for member in members), *removed]
    position = {node: number for number, node in enumerate(nodes)}
    return Gossip(
        to=to.uid,
        cluster=state.cluster,
        nodes=tuple((node.host, node.port, node.uid) for node in nodes),
        members=tuple(_details(member) for member in members),
        clock=tuple(state.clock.counts.get(node, 0) for node in nodes),
        seen=_bits(position[node] for node in state.seen),
        rows=tuple(
            (position[observer], row.version, _bits(position[node] for node in row.unreachable))
            for observer, row in sorted(state.reachability.rows.items())
        ),
        ages=tuple(round(now - state.tombstones[node], 3) for node in removed),
    )


def read(gossip: Gossip, now: float) -> GossipState:
    """Return the state of a message. Raises ValueError for one that no node can have sent."""
    nodes = [NodeId(*node) for node in gossip.nodes]
    members = nodes[: len(gossip.members)]
    if len(set(nodes)) != len(nodes) or not all(age >= 0.0 for age in gossip.ages):
        raise ValueError("it names a node twice, or one that was removed in the future")
    if not all(text.isprintable() for text in _texts(gossip)):
        raise ValueError("a name in it cannot be printed")
    rows = {
        _at(members, observer): Observation(version, frozenset(_chosen(members, subjects)))
        for observer, version, subjects in gossip.rows
    }
    return GossipState(
        cluster=gossip.cluster,
        members={node: _member(node, *details) for node, details in zip(members, gossip.members, strict=True)},
        reachability=Reachability(rows),
        clock=VectorClock({node: count for node, count in zip(nodes, gossip.clock, strict=True) if count}),
        seen=frozenset(_chosen(members, gossip.seen)),
        tombstones={node: now - age for node, age in zip(nodes[len(members) :], gossip.ages, strict=True)},
    )


def _texts(gossip: Gossip) -> Iterable[str]:
    """Texts that a peer chooses freely, and that end up in logs."""
    yield from (host for host, _, _ in gossip.nodes)
    for node_id, roles, _, _ in gossip.members:
        yield from (node_id, *roles)


def write_digest(state: GossipState, to: NodeId) -> Digest:
    seen = _bits(position for position, node in enumerate(sorted(state.members)) if node in state.seen)
    return Digest(to.uid, state.cluster, state.clock.digest(), seen)


def read_digest(digest: Digest, state: GossipState) -> frozenset[NodeId] | None:
    """Return the members known to have seen this state; None if the sender has another one. Raises as `read`."""
    if digest.clock != state.clock.digest():
        return None
    return frozenset(_chosen(sorted(state.members), digest.seen))


def most_bytes(state: GossipState) -> int:
    """Return an upper bound of the bytes of this state's encoded message, whatever the reachability of members."""
    members, tombstones = len(state.members), len(state.tombstones)
    texts = sum(_text_bytes(member) for member in state.members.values())
    texts += sum(len(node.host.encode()) for node in state.tombstones)
    bits = members // 8 + 1
    return 300 + texts + members * (70 + bits) + bits + tombstones * 50


def _text_bytes(member: Member) -> int:
    texts = (member.node.host, member.node_id, *member.roles)
    return sum(len(text.encode()) + 5 for text in texts)


def _details(member: Member) -> tuple[str, tuple[str, ...], str, int]:
    node_id = "" if member.node_id == str(member.address) else member.node_id
    return node_id, member.roles, member.status.value, member.up_number


def _member(node: NodeId, node_id: str, roles: tuple[str, ...], status: str, up_number: int) -> Member:
    return Member(
        node=node,
        node_id=node_id or str(node.address),
        roles=roles,
        status=MemberStatus(status),
        up_number=up_number,
    )


def _at(nodes: Sequence[NodeId], position: int) -> NodeId:
    if not 0 <= position < len(nodes):
        raise ValueError(f"it names member {position} of {len(nodes)}")
    return nodes[position]


def _bits(positions: Iterable[int]) -> bytes:
    bits = sum(1 << position for position in positions)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _chosen(nodes: Sequence[NodeId], bits: bytes) -> list[NodeId]:
    number = int.from_bytes(bits, "little")
    if number.bit_length() > len(nodes):
        raise ValueError(f"it names member {number.bit_length() - 1} of {len(nodes)}")
    return [node for position, node in enumerate(nodes) if number >> position & 1]
