"""Messages between a client and a node: the client attaches to one node, its contact, and looks actors up there."""

from typing import NamedTuple

from casty.address import PeerAddress
from casty.member import NodeId
from casty.serialization import message


@message("casty.client.Attach")
class Attach(NamedTuple):
    """Be the sender's contact. It is repeated, so that a client notices a contact that does not reply."""

    number: int


@message("casty.client.Attached")
class Attached(NamedTuple):
    """The reply to `Attach`."""

    number: int
    is_accepted: bool
    """False: the node is not up in its cluster, or about to leave it, and the client must look for another contact."""
    nodes: tuple[PeerAddress, ...]
    """Nodes that are up, by their advertised addresses: further contact points."""


@message("casty.client.Leaving")
class Leaving(NamedTuple):
    """The sender is about to leave the cluster: the client must look for another contact."""


@message("casty.client.Moved")
class Moved(NamedTuple):
    """The reply to `Leaving`: the client has found another contact, and sends this one messages for entities only."""


@message("casty.client.Release")
class Release(NamedTuple):
    """The sender routes no more messages for entities: the client must detach."""


@message("casty.client.Detach")
class Detach(NamedTuple):
    """The client sends no more messages to this contact. It is sent on the user lane, behind all messages."""

    number: int


@message("casty.client.Detached")
class Detached(NamedTuple):
    """All messages for entities that the client sent before `Detach` have reached them, or never will."""

    number: int


@message("casty.client.Lookup")
class Lookup(NamedTuple):
    """Which actors are registered under the key?"""

    number: int
    key: str


@message("casty.client.Instance")
class Instance(NamedTuple):
    """A registered actor."""

    address: str
    """Its URI."""
    node: NodeId

    @property
    def size(self) -> int:
        """Bytes that it takes in a message."""
        return len(self.address.encode()) + len(self.node.host.encode()) + 32


@message("casty.client.Found")
class Found(NamedTuple):
    """The reply to `Lookup`, or a part of it."""

    number: int
    instances: tuple[Instance, ...]
    is_last: bool
    refusal: str | None = None
    """Why the client gets no listing."""


type ToNode = Attach | Moved | Detach | Lookup
type ToClient = Attached | Leaving | Release | Detached | Found
