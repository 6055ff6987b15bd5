"""What the counterparts of `protocol.forwarding` on two nodes send each other, in the order of the users' messages.

Where a node has no such counterpart, or not any more, its delivery answers for it, so that nothing is lost there.
"""

from dataclasses import dataclass
from typing import Any

from casty import message
from casty.extension import Internal


@message("casty.forwarding.Returned")
@dataclass(frozen=True, slots=True)
class Returned:
    """A forwarded message that nothing has taken."""

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
    """All that was sent before this has arrived."""

    number: int


@message("casty.forwarding.Flush")
@dataclass(frozen=True, slots=True)
class Flush(Internal):
    """The sender, which is the node with these figures, retires: send it nothing more, and answer."""

    number: int
    host: str
    port: int
    uid: int

    def returned(self) -> Flushed:
        return Flushed(self.number)
