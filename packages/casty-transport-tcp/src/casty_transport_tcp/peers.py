"""The incarnations that this endpoint is connected with. The receiver is notified once of each that connects and of
each that is lost; a newer incarnation at an address ends the older one for good.
"""

import asyncio
from collections.abc import Callable
from typing import Final, final

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import FrameReceiver

from casty_transport_tcp.connection import Connection
from casty_transport_tcp.reasons import Ending, Reason

REMEMBERED: Final = 4_096
"""Replaced incarnations that are remembered, so that they cannot connect again."""


@final
class Peers:
    """The connections of both lanes, by incarnation: of the nodes, or of the clients, whose names are their own."""

    def __init__(self, receiver: FrameReceiver) -> None:
        self.receiver: Final = receiver
        self._present: dict[NodeId, list[Connection]] = {}
        self._newest: dict[PeerAddress, NodeId] = {}
        """The newest incarnation at each address; the address that changed last comes last."""
        self._replaced: dict[NodeId, None] = {}

    def refusal(self, node: NodeId) -> Ending | None:
        """Why this incarnation must not connect."""
        return Ending(Reason.replaced) if node in self._replaced else None

    def came(self, node: NodeId, connection: Connection) -> None:
        """A connection to this incarnation is up."""
        before = self._newest.pop(node.address, node)
        self._newest[node.address] = node
        if before != node:
            self._replace(before)
        if node in self._present:
            self._present[node].append(connection)
        else:
            self._present[node] = [connection]
            tell(self.receiver.peer_connected, node)
        while len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]

    def went(self, node: NodeId, connection: Connection, ending: Ending) -> None:
        """A connection to this incarnation has ended."""
        connections = self._present[node]
        connections.remove(connection)
        if not connections:
            del self._present[node]
            tell(self.receiver.peer_lost, node, str(ending))

    def connections(self) -> list[Connection]:
        return [connection for connections in self._present.values() for connection in connections]

    def _replace(self, node: NodeId) -> None:
        self._replaced[node] = None
        if len(self._replaced) > REMEMBERED:
            del self._replaced[next(iter(self._replaced))]
        for connection in list(self._present.get(node, ())):
            connection.close(Ending(Reason.replaced))


def tell[*Told](callback: Callable[[*Told], None], *told: *Told) -> None:
    """Call the receiver, which must not raise; if it does, the connection must not suffer."""
    try:
        callback(*told)
    except Exception as error:
        report = {"message": f"{getattr(callback, '__name__', callback)} of a transport's receiver", "exception": error}
        asyncio.get_running_loop().call_exception_handler(report)
