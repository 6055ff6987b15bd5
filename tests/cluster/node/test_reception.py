"""What waits for a connection to an incarnation that has ended: some of it is for the next one at its address."""

from collections.abc import Sequence
from typing import Any

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Lane
from casty.testing import ManualClock
from casty_cluster.node.departures import Departures
from casty_cluster.node.outlet import Outlet
from casty_cluster.node.reception import Reception
from casty_cluster.wire import entities, frames

OLD, NEW = NodeId("a", 1, 10), NodeId("a", 1, 11)
CONTROL = bytes((frames.MEMBERSHIP, 1))
TELL = frames.tell(frames.write_target("/actor", 0, "msgpack"), b"body")
TRACED = frames.with_headers({"trace": b"1"}, TELL)
ENTITY = entities.write_message(OLD.uid, 7, 5, 0, 0.0, entities.write_target("region", "alice", "msgpack"), b"body")


class Side:
    """A node with frames that wait for a connection: its transport, and all that its reception talks to."""

    def __init__(self) -> None:
        self.queue = [CONTROL, ENTITY, TRACED]
        self.sent_again: list[tuple[bytes, Lane]] = []
        self.lost: list[bytes] = []
        self.takes = True
        self.departures = Departures()
        self.departures.members([OLD], [])
        one: Any = self
        self.reception = Reception(ManualClock(), links=one, bulk=one, delivery=one, departures=self.departures)
        self.reception.incarnation = one
        self.reception.outlet = Outlet(one, ManualClock(), discards=True)

    def met(self, peer: NodeId) -> None: ...

    def connected(self, peer: NodeId) -> None: ...

    def dropped(self, peer: PeerAddress, lost: Sequence[bytes], reason: str) -> None:
        self.lost += lost

    def discard(self, peer: PeerAddress, reason: str) -> None:
        queue, self.queue = self.queue, []
        self.reception.frames_dropped(peer, queue, reason)

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        self.sent_again.append((frame, lane))
        return self.takes


@pytest.fixture
def side() -> Side:
    return Side()


def test_the_next_incarnation_gets_what_names_none(side: Side) -> None:
    side.reception.peer_connected(NEW)
    assert side.sent_again == [(CONTROL, Lane.control), (TRACED, Lane.user)]
    assert side.lost == [ENTITY]


def test_what_finds_no_room_again_is_lost(side: Side) -> None:
    side.takes = False
    side.reception.peer_connected(NEW)
    assert side.lost == [ENTITY, TELL]


def test_nothing_is_taken_back_where_the_member_itself_connects(side: Side) -> None:
    side.reception.peer_connected(OLD)
    assert side.queue == [CONTROL, ENTITY, TRACED]


def test_a_removed_member_gets_nothing_any_more(side: Side) -> None:
    side.departures.members([], [OLD])
    side.reception.take_back(OLD.address, "it was removed")
    assert side.sent_again == []
    assert side.lost == [ENTITY, TELL]


def test_what_a_transport_drops_by_itself_is_lost(side: Side) -> None:
    side.reception.peer_connected(NEW)
    side.reception.frames_dropped(NEW.address, [TELL], "it cannot be reached")
    assert side.lost == [ENTITY, TELL]


def test_a_transport_that_fails_to_discard_loses_nothing_that_it_has_dropped(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    def discard(peer: PeerAddress, reason: str) -> None:
        side.reception.frames_dropped(peer, [TELL, ENTITY], reason)
        raise OSError("broken")

    monkeypatch.setattr(side, "discard", discard)
    side.reception.take_back(NEW.address, "it has started again")
    assert (side.sent_again, side.lost) == ([(TELL, Lane.user)], [ENTITY])
