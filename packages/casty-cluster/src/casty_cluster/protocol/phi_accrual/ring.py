"""Whom a node watches: its neighbours on the ring of all nodes, so that the work of each does not grow with the
cluster.
"""

from collections.abc import Container, Iterable, Sequence

from casty.member import NodeId


def ring_from(local: NodeId, others: Iterable[NodeId]) -> list[NodeId]:
    """The others in the order of their uids, which are random, beginning after `local`."""
    return sorted(others, key=lambda node: (node.uid < local.uid, node.uid, node))


def neighbours(ring: Sequence[NodeId], suspects: Container[NodeId], count: int) -> list[NodeId]:
    """The next `count` nodes of the ring that are no suspects, and all suspects.

    Suspects are watched for as long as they are members, or nobody would notice that they are back. They do not count,
    so that those behind a row of dead nodes do not go unwatched.
    """
    chosen: list[NodeId] = []
    alive = 0
    for node in ring:
        if node in suspects:
            chosen.append(node)
        elif alive < count:
            chosen.append(node)
            alive += 1
    return chosen
