"""System links between nodes of two versions: a message that the receiver does not know blocks nothing."""

from typing import NamedTuple

import pytest
from casty.errors import DecodeError
from casty.member import NodeId
from casty.serialization import message
from casty.testing import ManualClock
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.wire import codec, frames
from casty_cluster.wire.system import Acknowledged, Numbered

NEWER, LOCAL = NodeId("a", 1, 1), NodeId("b", 2, 2)


@message("tests.links.Note")
class Note(NamedTuple):
    """Known to this node, and handled."""

    number: int


@message("tests.links.Unhandled")
class Unhandled(NamedTuple):
    """Known to this node, but no feature handles it."""

    number: int


class Receiver:
    """A node's end of the link to a newer one."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.taken: list[Note] = []
        self.links = SystemLinks(ManualClock(), self._send, self._broken)
        self.links.on(Note, lambda _, note: self.taken.append(note))
        self.links.members(LOCAL, [NEWER])

    def receives(self, number: int, body: bytes) -> None:
        self.links.received(NEWER, codec.encode(frames.SYSTEM, Numbered(LOCAL.uid, number, body)))

    def _send(self, to: NodeId, frame: bytes) -> None:
        self.acknowledged = codec.decode(frame, Acknowledged).sequence_nr

    def _broken(self, node: NodeId, reason: str) -> None:
        raise AssertionError(f"the link to {node} broke: {reason}")


NOTE = codec.dumps(Note(2))
SKIPPED = {
    "unknown": (
        NOTE.replace(b"links.Note", b"links.Newe"),
        r"unknown message tests\.links\.Newe; the peer may",
    ),
    "unhandled": (codec.dumps(Unhandled(1)), "no feature of this node handles messages of type Unhandled"),
    "damaged": (NOTE[:-1], "not one msgpack value"),
}


@pytest.mark.parametrize(("body", "error"), SKIPPED.values(), ids=SKIPPED)
def test_a_message_that_cannot_be_read_is_acknowledged_and_skipped(body: bytes, error: str) -> None:
    receiver = Receiver()
    with pytest.raises(DecodeError, match=error):
        receiver.receives(1, body)
    assert receiver.acknowledged == 1
    receiver.receives(2, NOTE)
    assert receiver.acknowledged == 2
    assert receiver.taken == [Note(2)]


def test_fields_of_a_newer_node_are_skipped() -> None:
    receiver = Receiver()
    receiver.receives(1, NOTE.replace(b"\x81\xa6number", b"\x82\xa3new\x07\xa6number"))
    assert receiver.taken == [Note(2)]
