"""The sending side of bulk transfers.

Theory of operation. Transfers to one member run one after the other, in the order of their `Send`. The sender offers a
transfer; the receiver grants it bytes up to a limit, and raises the limit as it gets them. So what is under way to one
member is bounded, and heartbeats and system messages, which share the lane, never wait behind more than that. If no
reply comes for `RESEND` seconds, or there is a new connection, the sender offers the transfer again, and resumes at the
offset in the next reply. That may be a reply to an earlier message; then some chunks are sent twice, and the receiver
drops them.

A transfer ends when the receiver reports its outcome, or when the receiver is removed. So does a cancelled one: the
sender repeats the cancellation until the receiver confirms it, so that no part of a transfer stays there.

Invariants: no byte is sent beyond the limit; a token is reported once; one transfer to a member is under way at a time.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final
from zlib import crc32

from casty.errors import NodeLostError, TransferError
from casty.member import NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.wire.bulk import CHUNK, Cancel, Chunk, Ended, Granted, Offer, ToReceiver, ToSender

RESEND: Final = 2.0
"""Seconds without a reply; a window of chunks has arrived by then also over slow networks."""
AHEAD: Final = 16 * CHUNK
"""Bytes under way to one member at most, whatever it grants: the lane's queue would drop more."""


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """What is to be sent. Its identity is the token by which its end is reported."""

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """Start a transfer to that member, behind the earlier ones."""

    to: NodeId
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """The transfer's end is not awaited any more."""

    to: NodeId
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Members:
    """These are the other members now, for the incarnation `local` of this node. None of them: it is no member."""

    local: int
    others: Collection[NodeId]


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a new connection to that member: messages may have been lost with the one before."""

    to: NodeId


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """A message of the receiver."""

    sender: NodeId
    reply: ToSender


type Input = Send | CancelTransfer | Members | Connected | ReplyReceived


@dataclass(frozen=True, slots=True)
class SendBulk[M]:
    """Send a message on the control lane. It may be lost."""

    to: NodeId
    message: M


@dataclass(frozen=True, slots=True)
class Finished:
    """The transfer has ended: the receiver has taken all of it, or none with this error."""

    transfer: Transfer
    error: TransferError | NodeLostError | None


type Effect = SendBulk[ToReceiver] | Finished


@final
class Sending:
    """All transfers from one node."""

    def __init__(self) -> None:
        self._local = 0
        self._lines: dict[NodeId, _Line] = {}

    def handle(self, given: Input | Tick, now: float) -> Sequence[Effect]:
        match given:
            case Send(to, transfer):
                return self._send(to, transfer, now)
            case CancelTransfer(to, transfer):
                line = self._lines.get(to)
                return () if line is None else line.cancel(transfer, now)
            case Members(local, others):
                return self._members(local, others)
            case Connected(to):
                line = self._lines.get(to)
                return () if line is None else line.repeat(now)
            case ReplyReceived(sender, reply):
                line = self._lines.get(sender)
                return () if line is None or reply.to != self._local else line.received(reply, now)
            case Tick():
                return [effect for line in self._lines.values() for effect in line.tick(now)]

    def next_deadline(self) -> float | None:
        return min((line.due for line in self._lines.values() if line.due is not None), default=None)

    def validate(self) -> None:
        for line in self._lines.values():
            line.validate()

    def _send(self, to: NodeId, transfer: Transfer, now: float) -> Sequence[Effect]:
        line = self._lines.get(to)
        if line is None:
            return (Finished(transfer, NodeLostError(f"{to} is not a member of the cluster")),)
        return line.send(transfer, now)

    def _members(self, local: int, others: Collection[NodeId]) -> Sequence[Effect]:
        self._local = local
        removed = [self._lines[node] for node in self._lines if node not in others]
        self._lines = {node: self._lines.get(node) or _Line(node) for node in others}
        return [effect for line in removed for effect in line.lost()]


class _Line:
    """The transfers to one member: the first of the queue is under way."""

    def __init__(self, to: NodeId) -> None:
        self._to = to
        self._queue: deque[Transfer | None] = deque()
        """None stands for a cancelled transfer that the receiver may have part of."""
        self._number = 0
        """Of the transfer under way, or else of the last one."""
        self._is_granted = False
        """Whether the last offer has been replied to."""
        self._sent = self._limit = 0
        self._checksums: list[int] = []
        """Up to the end of each chunk that has been sent once."""
        self.due: float | None = None
        """When to repeat what has not been replied to."""

    def send(self, transfer: Transfer, now: float) -> Sequence[Effect]:
        self._queue.append(transfer)
        return self._start(now) if len(self._queue) == 1 else ()

    def cancel(self, transfer: Transfer, now: float) -> Sequence[Effect]:
        if transfer not in self._queue:
            return ()  # it has ended meanwhile
        if transfer is not self._queue[0]:
            self._queue.remove(transfer)
            return ()
        self._queue[0] = None
        return self.repeat(now)

    def repeat(self, now: float) -> Sequence[Effect]:
        """Offer the transfer under way again, or repeat its cancellation."""
        if not self._queue:
            return ()
        self.due = now + RESEND
        transfer = self._queue[0]
        if transfer is None:
            return (SendBulk(self._to, Cancel(self._to.uid, self._number)),)
        self._is_granted = False
        offer = Offer(self._to.uid, self._number, transfer.kind, len(transfer.data))
        return (SendBulk(self._to, offer),)

    def received(self, reply: ToSender, now: float) -> Sequence[Effect]:
        if not self._queue or reply.transfer != self._number:
            return ()
        self.due = now + RESEND  # the receiver is there, whatever it says
        match reply:
            case Ended(error=error):
                transfer = self._queue.popleft()
                ended = () if transfer is None else (Finished(transfer, TransferError(error) if error else None),)
                return (*ended, *self._start(now))
            case Granted():
                transfer = self._queue[0]
                return () if transfer is None else self._granted(transfer, reply)

    def tick(self, now: float) -> Sequence[Effect]:
        return self.repeat(now) if self.due is not None and self.due <= now else ()

    def lost(self) -> Sequence[Effect]:
        """The receiver is no longer a member."""
        error = NodeLostError(f"{self._to} had not taken the transfer when one of the two nodes left the cluster")
        return [Finished(transfer, error) for transfer in self._queue if transfer is not None]

    def validate(self) -> None:
        assert self._sent <= self._limit or not self._is_granted, (self._sent, self._limit)
        assert (self.due is not None) == bool(self._queue), (self.due, len(self._queue))

    def _start(self, now: float) -> Sequence[Effect]:
        """Offer the first transfer of the queue, if there is one."""
        self.due = None
        self._sent = self._limit = 0
        self._checksums.clear()
        if self._queue:
            self._number += 1
        return self.repeat(now)

    def _granted(self, transfer: Transfer, reply: Granted) -> Sequence[Effect]:
        if not _is_sound(reply, len(transfer.data)):
            return ()
        if not self._is_granted:  # since the last offer, chunks may have been lost: go back to the first missing one
            self._is_granted = True
            self._sent = self._limit = reply.received
        self._limit = max(self._limit, min(reply.limit, reply.received + AHEAD))
        return list(self._chunks(transfer.data))

    def _chunks(self, data: bytes) -> Iterator[Effect]:
        """The next chunks, as far as they end within the limit."""
        while (stop := min(self._sent + CHUNK, len(data))) <= self._limit and self._sent < stop:
            piece = data[self._sent : stop]
            chunk = Chunk(self._to.uid, self._number, self._sent, self._checksum(self._sent, piece), piece)
            self._sent = stop
            yield SendBulk(self._to, chunk)

    def _checksum(self, start: int, data: bytes) -> int:
        """Of all bytes up to the end of a chunk; a chunk may be sent again, but no chunk before its predecessor."""
        index = start // CHUNK
        if index == len(self._checksums):
            self._checksums.append(crc32(data, self._checksums[-1] if self._checksums else 0))
        return self._checksums[index]


def _is_sound(reply: Granted, size: int) -> bool:
    """Whether a receiver can mean this: chunks start at multiples of their size."""
    at_a_chunk = reply.received % CHUNK == 0 or reply.received == size
    return 0 <= reply.received <= reply.limit <= size and at_a_chunk
