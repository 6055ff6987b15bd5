"""The receiving side of bulk transfers.

Theory of operation. A transfer that is offered gets room for all of its bytes, or waits until others have made room, in
the order of the offers. It is granted `WINDOW` bytes ahead of those that have arrived. A chunk is taken if it is the
next one; duplicates and chunks behind a gap are dropped, since the sender resumes where a later `Granted` says. When
all bytes are there, the shell delivers the transfer as a whole, and then `Ended` is sent. The last outcome of each
member's transfers is remembered, for a sender that repeats its offer because the reply was lost.

A transfer is discarded when the sender cancels it, has offered a later one, or is removed from the cluster, and when a
checksum is wrong.

Invariants: the rooms of all transfers together do not exceed the room of the node; no transfer holds more bytes than it
was granted; a transfer is delivered at most once.
"""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field
from typing import Final, final
from zlib import crc32

from casty.member import NodeId

from casty_cluster.protocol.bulk.sending import Members, SendBulk
from casty_cluster.protocol.machine import Tick
from casty_cluster.wire.bulk import CHUNK, Cancel, Chunk, Ended, Granted, Offer, ToReceiver, ToSender

WINDOW: Final = 8 * CHUNK
"""Bytes under way from one member."""
ROOM: Final = 512 << 20
"""Bytes of all transfers that arrive at a time, and so of the largest one."""


@dataclass(frozen=True, slots=True)
class BulkReceived:
    """A message of the sender."""

    sender: NodeId
    message: ToReceiver


@dataclass(frozen=True, slots=True)
class Delivered:
    """The shell has carried out `Deliver`, or has failed to."""

    sender: NodeId
    transfer: int
    error: str = ""


type Input = BulkReceived | Delivered | Members


@dataclass(frozen=True, slots=True)
class Deliver:
    """All bytes of a transfer are there: hand them to the feature of that kind, then report `Delivered`."""

    sender: NodeId
    transfer: int
    kind: str
    data: bytearray
    """The feature's own: states are too large to be copied."""


type Effect = SendBulk[ToSender] | Deliver


@dataclass(slots=True)
class _Arriving:
    """A transfer of which not all bytes have been delivered yet."""

    sender: NodeId
    number: int
    kind: str
    size: int
    has_room: bool = False
    received: int = 0
    limit: int = 0
    checksum: int = 0
    data: bytearray = field(default_factory=bytearray)
    """Empty again once they have been delivered."""


@final
class Receiving:
    """All transfers to one node."""

    def __init__(self, kinds: Container[str], room: int = ROOM) -> None:
        """`kinds` are those that a feature takes, and may grow."""
        self._local = 0
        self._kinds = kinds
        self._room = room
        self._free = room
        self._members: Collection[NodeId] = ()
        self._arriving: dict[NodeId, _Arriving] = {}
        """In the order of their offers."""
        self._ended: dict[NodeId, Ended] = {}

    def handle(self, given: Input | Tick, now: float) -> Sequence[Effect]:
        match given:
            case BulkReceived(sender, message):
                if message.to != self._local or sender not in self._members:
                    return ()
                return self._received(sender, message)
            case Delivered(sender, transfer, error):
                arriving = self._arriving.get(sender)
                return () if arriving is None or arriving.number != transfer else self._end(arriving, error)
            case Members(local, others):
                return self._members_changed(local, others)
            case Tick():
                return ()

    def next_deadline(self) -> float | None:
        """The sender repeats its offers, so this side waits for nothing."""
        return None

    def validate(self) -> None:
        taken = sum(arriving.size for arriving in self._arriving.values() if arriving.has_room)
        assert self._free == self._room - taken, (self._free, self._room, taken)
        assert self._free >= 0, self._free
        for arriving in self._arriving.values():
            held = len(arriving.data)
            assert held == (0 if _is_complete(arriving) else arriving.received), (arriving.sender, held)
            assert arriving.received <= arriving.limit <= arriving.size, (arriving.sender, arriving.limit)
            assert arriving.has_room or not arriving.limit, (arriving.sender, arriving.limit)

    def _members_changed(self, local: int, others: Collection[NodeId]) -> Sequence[Effect]:
        self._local, self._members = local, others
        for sender in [sender for sender in self._arriving if sender not in others]:
            self._discard(self._arriving[sender])
        self._ended = {sender: ended for sender, ended in self._ended.items() if sender in others}
        return self._make_room()

    def _received(self, sender: NodeId, message: ToReceiver) -> Sequence[Effect]:
        ended, arriving = self._ended.get(sender), self._arriving.get(sender)
        newest = arriving.number if arriving is not None else 0 if ended is None else ended.transfer
        if message.transfer < newest:
            return ()
        if ended is not None and message.transfer == ended.transfer:
            return (SendBulk(sender, ended),)
        match message:
            case Offer():
                return self._offered(sender, message, arriving)
            case Chunk() if arriving is not None and arriving.number == message.transfer:
                return self._take(arriving, message)
            case Chunk():
                return ()
            case Cancel(transfer=number):
                return self._end(arriving or _Arriving(sender, number, "", 0), "the sender has cancelled it", number)

    def _offered(self, sender: NodeId, offer: Offer, arriving: _Arriving | None) -> Sequence[Effect]:
        if arriving is not None and arriving.number == offer.transfer:
            return () if _is_complete(arriving) else (_granted(arriving),)
        if arriving is not None:  # the sender is done with that one
            self._discard(arriving)
        arriving = _Arriving(sender, offer.transfer, offer.kind, offer.size)
        if offer.kind not in self._kinds:
            return self._end(arriving, f"no feature of the receiver takes transfers of kind {offer.kind!r}")
        if not 0 <= offer.size <= self._room:
            return self._end(arriving, f"{offer.size} bytes are more than the receiver has room for: {self._room}")
        self._arriving[sender] = arriving
        return self._make_room() or (_granted(arriving),)

    def _take(self, arriving: _Arriving, chunk: Chunk) -> Sequence[Effect]:
        stop = chunk.start + len(chunk.data)
        if chunk.start != arriving.received or stop > arriving.limit or not chunk.data:
            return ()
        checksum = crc32(chunk.data, arriving.checksum)
        if checksum != chunk.checksum:
            return self._end(arriving, f"its bytes up to {stop} have another checksum than the sender says")
        arriving.checksum, arriving.received = checksum, stop
        arriving.data += chunk.data
        if _is_complete(arriving):
            return (_deliver(arriving),)
        # Not for each chunk: one grant for each half of a window keeps the sender busy all the same.
        if arriving.limit < arriving.size and arriving.limit - arriving.received <= WINDOW // 2:
            arriving.limit = min(arriving.size, arriving.received + WINDOW)
            return (_granted(arriving),)
        return ()

    def _make_room(self) -> Sequence[Effect]:
        """Let waiting transfers start as far as there is room, the first one first."""
        effects: list[Effect] = []
        for arriving in self._arriving.values():
            if arriving.has_room:
                continue
            if arriving.size > self._free:
                break
            self._free -= arriving.size
            arriving.has_room = True
            arriving.limit = min(arriving.size, WINDOW)
            effects.append(_granted(arriving) if arriving.size else _deliver(arriving))
        return effects

    def _end(self, arriving: _Arriving, error: str, number: int | None = None) -> Sequence[Effect]:
        ended = Ended(arriving.sender.uid, arriving.number if number is None else number, error)
        self._ended[arriving.sender] = ended
        self._discard(arriving)
        return (SendBulk(arriving.sender, ended), *self._make_room())

    def _discard(self, arriving: _Arriving) -> None:
        self._arriving.pop(arriving.sender, None)
        if arriving.has_room:
            self._free += arriving.size


def _is_complete(arriving: _Arriving) -> bool:
    """Whether all bytes have arrived, and so have been handed to the shell."""
    return arriving.has_room and arriving.received == arriving.size


def _granted(arriving: _Arriving) -> SendBulk[ToSender]:
    granted = Granted(arriving.sender.uid, arriving.number, arriving.received, arriving.limit)
    return SendBulk(arriving.sender, granted)


def _deliver(arriving: _Arriving) -> Deliver:
    data, arriving.data = arriving.data, bytearray()
    return Deliver(arriving.sender, arriving.number, arriving.kind, data)
