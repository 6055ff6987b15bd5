"""The machines of bulk transfers against peers that do what a random network never makes them do."""

from collections.abc import Sequence
from zlib import crc32

import pytest
from casty.errors import NodeLostError, TransferError
from casty.member import NodeId
from casty_cluster.protocol.bulk.receiving import BulkReceived, Deliver, Delivered, Receiving
from casty_cluster.protocol.bulk.sending import (
    AHEAD,
    RESEND,
    CancelTransfer,
    Connected,
    Finished,
    Members,
    ReplyReceived,
    Send,
    SendBulk,
    Sending,
    Transfer,
)
from casty_cluster.protocol.machine import Tick
from casty_cluster.wire.bulk import CHUNK, Cancel, Chunk, Ended, Granted, Offer, ToReceiver

HERE, THERE = NodeId("a", 1, 1), NodeId("b", 2, 2)
STATE = Transfer("state", bytes(range(256)) * (CHUNK // 64))
"""Four chunks."""
SIZE = len(STATE.data)


def sender() -> Sending:
    machine = Sending()
    machine.handle(Members(HERE.uid, [THERE]), 0.0)
    return machine


def receiver(room: int = SIZE) -> Receiving:
    machine = Receiving({"state"}, room)
    machine.handle(Members(THERE.uid, [HERE]), 0.0)
    return machine


def takes(machine: Receiving, message: ToReceiver) -> Sequence[object]:
    """What the receiver does with a message. Its invariants hold afterwards."""
    effects = machine.handle(BulkReceived(HERE, message), 0.0)
    machine.validate()
    return effects


def chunk(number: int, start: int, length: int = CHUNK) -> Chunk:
    stop = start + length
    return Chunk(THERE.uid, number, start, crc32(STATE.data[:stop]), STATE.data[start:stop])


def offer(number: int = 1, size: int = SIZE, kind: str = "state") -> Offer:
    return Offer(THERE.uid, number, kind, size)


def starts(effects: Sequence[object]) -> list[int]:
    """Where the chunks start that are sent."""
    return [chunk.start for effect in effects if isinstance(chunk := getattr(effect, "message", None), Chunk)]


def ended(number: int, error: str = "") -> SendBulk[Ended]:
    return SendBulk(HERE, Ended(HERE.uid, number, error))


def test_a_transfer_to_no_member_fails_at_once() -> None:
    stranger = NodeId("c", 3, 3)
    (finished,) = sender().handle(Send(stranger, STATE), 0.0)
    assert isinstance(finished, Finished)
    assert isinstance(finished.error, NodeLostError)


def test_an_offer_without_a_reply_is_repeated_and_on_a_new_connection_at_once() -> None:
    machine = sender()
    first = machine.handle(Send(THERE, STATE), 0.0)
    assert first == (SendBulk(THERE, offer()),)
    assert machine.next_deadline() == RESEND
    assert list(machine.handle(Tick(), RESEND - 0.1)) == []
    assert list(machine.handle(Tick(), RESEND)) == list(first)
    assert list(machine.handle(Connected(THERE), 2.5)) == list(first)
    assert machine.next_deadline() == 2.5 + RESEND


def test_a_sender_goes_on_where_the_receiver_is() -> None:
    machine = sender()
    machine.handle(Send(THERE, STATE), 0.0)
    assert starts(machine.handle(ReplyReceived(THERE, Granted(HERE.uid, 1, 0, 2 * CHUNK)), 0.1)) == [0, CHUNK]
    machine.handle(Connected(THERE), 0.2)
    granted = Granted(HERE.uid, 1, CHUNK, 3 * CHUNK)
    assert starts(machine.handle(ReplyReceived(THERE, granted), 0.3)) == [CHUNK, 2 * CHUNK]
    assert starts(machine.handle(ReplyReceived(THERE, granted), 0.4)) == []


@pytest.mark.parametrize(
    "granted",
    [
        Granted(HERE.uid, 1, 0, SIZE + 1),
        Granted(HERE.uid, 1, -CHUNK, CHUNK),
        Granted(HERE.uid, 1, 2 * CHUNK, CHUNK),
        Granted(HERE.uid, 1, 1, CHUNK),
        Granted(HERE.uid, 2, 0, CHUNK),
        Granted(THERE.uid, 1, 0, CHUNK),
    ],
)
def test_a_grant_that_makes_no_sense_is_ignored(granted: Granted) -> None:
    machine = sender()
    machine.handle(Send(THERE, STATE), 0.0)
    assert list(machine.handle(ReplyReceived(THERE, granted), 0.1)) == []
    machine.validate()


def test_a_receiver_that_grants_everything_at_once_does_not_get_it_at_once() -> None:
    machine, large = sender(), Transfer("state", bytes(4 * AHEAD))
    machine.handle(Send(THERE, large), 0.0)
    effects = machine.handle(ReplyReceived(THERE, Granted(HERE.uid, 1, 0, 4 * AHEAD)), 0.1)
    assert len(starts(effects)) == AHEAD // CHUNK


def test_a_cancelled_transfer_is_not_reported_and_the_next_one_starts_after_the_confirmation() -> None:
    machine, following = sender(), Transfer("state", b"next")
    machine.handle(Send(THERE, STATE), 0.0)
    machine.handle(Send(THERE, following), 0.0)
    cancel = SendBulk(THERE, Cancel(THERE.uid, 1))
    assert list(machine.handle(CancelTransfer(THERE, STATE), 0.1)) == [cancel]
    assert list(machine.handle(Tick(), 0.1 + RESEND)) == [cancel]
    assert list(machine.handle(ReplyReceived(THERE, Granted(HERE.uid, 1, 0, CHUNK)), 3.0)) == []
    effects = machine.handle(ReplyReceived(THERE, Ended(HERE.uid, 1, "cancelled")), 3.1)
    assert list(effects) == [SendBulk(THERE, offer(2, 4))]
    assert list(machine.handle(CancelTransfer(THERE, STATE), 3.2)) == []


def test_the_receiver_s_error_is_the_sender_s() -> None:
    machine = sender()
    machine.handle(Send(THERE, STATE), 0.0)
    (finished,) = machine.handle(ReplyReceived(THERE, Ended(HERE.uid, 1, "no room")), 0.1)
    assert isinstance(finished, Finished)
    assert isinstance(finished.error, TransferError)
    assert str(finished.error) == "no room"


def test_the_bytes_are_delivered_as_a_whole_and_confirmed_once_they_have_been() -> None:
    machine = receiver()
    assert list(takes(machine, offer())) == [SendBulk(HERE, Granted(HERE.uid, 1, 0, SIZE))]
    assert [takes(machine, chunk(1, start)) for start in range(0, SIZE - CHUNK, CHUNK)] == [()] * 3
    assert list(takes(machine, chunk(1, SIZE - CHUNK))) == [Deliver(HERE, 1, "state", bytearray(STATE.data))]
    assert list(takes(machine, offer())) == []  # the shell is still at it
    assert list(machine.handle(Delivered(HERE, 1), 0.0)) == [ended(1)]
    assert list(takes(machine, offer())) == [ended(1)]


@pytest.mark.parametrize(
    ("unsound", "error"),
    [
        (offer(kind="other"), "no feature of the receiver takes transfers of kind 'other'"),
        (offer(size=SIZE + 1), f"{SIZE + 1} bytes are more than the receiver has room for: {SIZE}"),
        (offer(size=-1), f"-1 bytes are more than the receiver has room for: {SIZE}"),
    ],
)
def test_an_offer_that_cannot_be_taken_is_rejected_before_anything_is_sent(unsound: Offer, error: str) -> None:
    assert list(takes(receiver(), unsound)) == [ended(1, error)]


def test_a_wrong_checksum_discards_the_transfer() -> None:
    machine = receiver()
    takes(machine, offer())
    takes(machine, chunk(1, 0))
    damaged = chunk(1, CHUNK)
    (effect,) = takes(machine, damaged._replace(data=b"!" + damaged.data[1:]))
    assert effect == ended(1, f"its bytes up to {2 * CHUNK} have another checksum than the sender says")


@pytest.mark.parametrize(
    "unsound",
    [
        chunk(1, CHUNK),
        chunk(2, 0),
        chunk(1, 0)._replace(data=STATE.data + b"x"),
        chunk(1, 0)._replace(data=b""),
        chunk(1, 0)._replace(to=9),
        chunk(1, 0)._replace(start=-CHUNK),
    ],
)
def test_a_chunk_that_is_not_due_is_dropped(unsound: Chunk) -> None:
    machine = receiver()
    takes(machine, offer())
    assert list(takes(machine, unsound)) == []


def test_a_chunk_without_an_offer_is_dropped() -> None:
    assert list(takes(receiver(), chunk(1, 0))) == []


def test_a_late_cancellation_of_an_earlier_transfer_changes_nothing() -> None:
    machine = receiver()
    takes(machine, offer(1, 0))
    machine.handle(Delivered(HERE, 1), 0.0)
    takes(machine, offer(2))
    assert list(takes(machine, Cancel(THERE.uid, 1))) == []
    takes(machine, offer(1, 0))
    assert list(takes(machine, chunk(2, 0))) == []
    assert [len(takes(machine, chunk(2, start))) for start in range(CHUNK, SIZE, CHUNK)] == [0, 0, 1]


def test_a_cancellation_is_confirmed_also_where_its_offer_was_lost() -> None:
    machine = receiver()
    assert list(takes(machine, Cancel(THERE.uid, 1))) == [ended(1, "the sender has cancelled it")]
    assert list(takes(machine, offer())) == [ended(1, "the sender has cancelled it")]


def test_a_node_that_is_no_member_is_not_heard() -> None:
    machine = receiver()
    machine.handle(Members(THERE.uid, []), 0.0)
    assert list(takes(machine, offer())) == []
