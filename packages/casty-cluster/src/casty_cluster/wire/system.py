"""Messages over system links: numbered, repeated until acknowledged, delivered once and in order."""

from typing import NamedTuple

from casty.serialization import message


@message("casty.system.Numbered")
class Numbered(NamedTuple):
    """A system message with its place on its link."""

    to: int
    """The uid of the incarnation that it is for."""
    sequence_nr: int
    message: bytes
    """Encoded by itself: a link takes and acknowledges also a message that this node does not know."""


@message("casty.system.Acknowledged")
class Acknowledged(NamedTuple):
    """Everything up to this number has been taken."""

    to: int
    """The uid of the incarnation that has sent it."""
    sequence_nr: int


@message("casty.cluster.Retiring")
class Retiring(NamedTuple):
    """The sender is about to leave: it accepts nothing new and hands over what it runs."""

    uid: int


@message("casty.system.Watch")
class Watch(NamedTuple):
    """Report when this actor has stopped."""

    path: str
    uid: int


@message("casty.system.Unwatch")
class Unwatch(NamedTuple):
    """The sender no longer watches this actor."""

    path: str
    uid: int


@message("casty.system.Stopped")
class Stopped(NamedTuple):
    """This actor has stopped, or was not alive when the watch arrived."""

    path: str
    uid: int
    reason: str | None
    """The failure that stopped it, if one did."""


@message("casty.singleton.HandOver")
class HandOver(NamedTuple):
    """The sender is the next host of this singleton: stop it and report."""

    name: str


@message("casty.singleton.HandedOver")
class HandedOver(NamedTuple):
    """The sender does not run this singleton, and never will again."""

    name: str


@message("casty.receptionist.Entry")
class Entry(NamedTuple):
    """An actor under a key."""

    key: str
    address: str
    """Its URI."""

    @property
    def size(self) -> int:
        """Bytes that it takes in a message."""
        return len(self.key.encode()) + len(self.address.encode()) + 8


@message("casty.receptionist.Changed")
class Changed(NamedTuple):
    """Entries that the sender has added and removed."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
