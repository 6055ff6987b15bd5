"""Messages between the forwarders of two nodes, see `protocol.forwarding`, in order with the users' messages.

If a node has no forwarder, its delivery replies in its place, so that no message is lost there.
"""

from dataclasses import dataclass
from typing import Any

from casty import message
from casty.extension import Internal


@message("casty.forwarding.Returned")
@dataclass(frozen=True, slots=True)
class Returned:
    """A forwarded message that its receiver could not deliver."""

    message: Any
    hops: int


@message("casty.singleton.Forwarded")
@dataclass(frozen=True, slots=True)
class Forwarded:
    """A message from another node, for the actor behind this one."""

    message: Any
    hops: int

    def returned(self) -> Returned:
        return Returned(self.message, self.hops)


@message("casty.forwarding.Flushed")
@dataclass(frozen=True, slots=True)
class Flushed(Internal):
    """All messages that were sent before the flush have arrived."""

    number: int


@message("casty.forwarding.Flush")
@dataclass(frozen=True, slots=True)
class Flush(Internal):
    """The sender, the node with this address and uid, retires: send it nothing more, and reply with `Flushed`."""

    number: int
    host: str
    port: int
    uid: int

    def returned(self) -> Flushed:
        return Flushed(self.number)
