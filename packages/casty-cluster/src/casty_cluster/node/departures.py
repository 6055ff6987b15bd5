"""Addresses at which a member was removed, so that messages to it fail at once instead of waiting for a connection.

A mark is for one incarnation: it does not hold for a process that has been started again at the same address, also
while this node has not learned from the membership yet that the new process is a member.
"""

from collections.abc import Collection
from typing import Final

from casty.address import PeerAddress
from casty.member import NodeId

REMEMBERED: Final = 4_096
"""Addresses; where nodes come and go at ever new ones, the oldest marks are dropped."""


class Departures:
    """The marks of one incarnation of this node."""

    def __init__(self) -> None:
        self._removed: dict[PeerAddress, NodeId] = {}
        self._connected: dict[PeerAddress, NodeId] = {}
        """The incarnation that the transport is connected with at each address."""
        self._members: dict[PeerAddress, NodeId] = {}

    def connected(self, node: NodeId) -> None:
        self._connected[node.address] = node

    def lost(self, node: NodeId) -> None:
        """No connection to that incarnation is left."""
        if self._connected.get(node.address) == node:
            del self._connected[node.address]

    def members(self, present: Collection[NodeId], removed: Collection[NodeId]) -> None:
        """These are the members now, and those were members until now."""
        for node in removed:
            self._removed.pop(node.address, None)
            self._removed[node.address] = node
        self._members = {node.address: node for node in present}
        for address in self._members:
            self._removed.pop(address, None)
        while len(self._removed) > REMEMBERED:
            del self._removed[next(iter(self._removed))]

    def is_gone(self, address: PeerAddress) -> bool:
        """Whether the last member at that address was removed, and no other incarnation has connected from there."""
        removed = self._removed.get(address)
        return removed is not None and self._connected.get(address, removed) == removed

    def replaces(self, node: NodeId) -> bool:
        """Whether the member at its address is another incarnation, which has not been removed yet."""
        return self._members.get(node.address, node) != node

    def clear(self) -> None:
        self._members.clear()
        self._removed.clear()
        self._connected.clear()
