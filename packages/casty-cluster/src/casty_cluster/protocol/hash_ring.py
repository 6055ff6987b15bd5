"""Consistent hashing of keys to nodes: where a node comes or goes, only its keys move, one in N of N nodes' keys."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, cast

from casty.errors import ArgumentError
from casty.quantities import check_count

VIRTUAL_NODES: Final = 100


def position(text: str) -> int:
    """Where a text is on the ring: the same in every process."""
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())


class HashRing:
    """A ring on which each node has `virtual_nodes` points; a key belongs to the node of the next point."""

    def __init__(self, virtual_nodes: int = VIRTUAL_NODES) -> None:
        check_count(virtual_nodes, "virtual_nodes of HashRing")
        self.virtual_nodes = virtual_nodes
        self._points: list[tuple[int, str]] = []
        self._nodes: dict[str, None] = {}

    @property
    def nodes(self) -> Sequence[str]:
        """In the order in which they were added."""
        return tuple(self._nodes)

    def add_node(self, node: str) -> None:
        """Nothing happens if the node is on the ring."""
        if not isinstance(cast("object", node), str) or not node:
            raise ArgumentError(f"a node of a HashRing is a text that is not empty, such as 'node-1', not {node!r}")
        if node not in self._nodes:
            self._nodes[node] = None
            for number in range(self.virtual_nodes):
                insort(self._points, (position(f"{node}/{number}"), node))

    def remove_node(self, node: str) -> None:
        """Nothing happens if the node is not on the ring."""
        if node in self._nodes:
            del self._nodes[node]
            self._points = [point for point in self._points if point[1] != node]

    def get_node(self, key: str) -> str:
        """The node that a key belongs to. Raises `ArgumentError` on a ring without nodes."""
        if not isinstance(cast("object", key), str):
            raise ArgumentError(f"a key of a HashRing is a text, not {key!r}; str(key) makes one")
        if not self._points:
            raise ArgumentError("this HashRing has no nodes; call add_node first")
        place = bisect_left(self._points, position(key), key=lambda point: point[0])
        return self._points[place % len(self._points)][1]
