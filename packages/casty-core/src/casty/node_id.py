"""What names one incarnation of a node."""

from typing import NamedTuple, override

from casty.address import PeerAddress


class NodeId(NamedTuple):
    """One incarnation of a node: a process that is started again at the same address is another node.

    A client, which connects to nodes and is none itself, is named likewise: by the name that it has chosen and port 0,
    at which nothing listens. So no client can pass for a node.
    """

    host: str
    port: int
    uid: int
    """64 bits, drawn at random when the process starts; never 0."""

    @property
    def is_client(self) -> bool:
        return self.port == 0

    @property
    def address(self) -> PeerAddress:
        return PeerAddress(self.host, self.port)

    @override
    def __str__(self) -> str:
        return f"{self.address}#{self.uid:x}"
