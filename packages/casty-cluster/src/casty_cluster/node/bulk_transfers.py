"""Bulk transfers of one node: the shell of `protocol.bulk`."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final, cast, final

from casty.clock import Clock
from casty.errors import ArgumentError
from casty.interruption import described, raise_unless_failure
from casty.member import NodeId

from casty_cluster.node.driver import Driver
from casty_cluster.protocol.bulk import receiving, sending
from casty_cluster.protocol.bulk.receiving import BulkReceived, Deliver, Delivered, Receiving
from casty_cluster.protocol.bulk.sending import (
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
from casty_cluster.wire import codec, frames
from casty_cluster.wire.bulk import Cancel, Chunk, Ended, Granted, Offer

logger = logging.getLogger("casty.cluster")

MAX_REASON: Final = 1_000
"""Characters of a handler's error that are sent to the other node."""

type TransferHandler = Callable[[NodeId, bytearray], None]
"""Takes the sender and all bytes of a transfer, which are the handler's own."""


@final
class BulkTransfers:
    """Sends large states to other members as a whole, or not at all."""

    def __init__(self, clock: Clock, send: Callable[[NodeId, bytes], None]) -> None:
        """`send` queues a frame of the control lane; it may be lost."""
        self._send_frame = send
        self._handlers: dict[str, TransferHandler] = {}
        self._pending: dict[Transfer, asyncio.Future[None]] = {}
        # They remember no inputs: that would keep whole states in memory.
        self._sending: Driver[sending.Input, sending.Effect] = Driver(Sending(), clock, self._carry_out, remembered=0)
        self._receiving: Driver[receiving.Input, receiving.Effect] = Driver(
            Receiving(self._handlers), clock, self._carry_out, remembered=0
        )

    def on(self, kind: str, handler: TransferHandler) -> None:
        """Have `handler` take the transfers of that kind."""
        self._handlers[kind] = handler

    async def send(self, to: NodeId, kind: str, data: bytes) -> None:
        """Return once the handler of that kind on another member has taken the bytes.

        Raises `NodeLostError` if one of the two nodes is no member, or no longer, and `TransferError` if the receiver
        has discarded the bytes. A cancelled transfer is discarded there, unless it has been delivered already.
        """
        if not isinstance(cast(object, data), bytes):
            raise ArgumentError(f"a bulk transfer takes bytes, not {type(data).__name__}")
        transfer = Transfer(kind, data)
        ended = self._pending[transfer] = asyncio.get_running_loop().create_future()
        try:
            self._sending.handle(Send(to, transfer))
            await ended
        except asyncio.CancelledError:
            self._sending.handle(CancelTransfer(to, transfer))
            raise
        finally:
            del self._pending[transfer]

    def received(self, peer: NodeId, frame: bytes) -> None:
        """Raises `DecodeError` for a damaged frame."""
        match codec.decode(frame, Offer, Chunk, Cancel, Granted, Ended):
            case Granted() | Ended() as reply:
                self._sending.handle(ReplyReceived(peer, reply))
            case message:
                self._receiving.handle(BulkReceived(peer, message))

    def met(self, peer: NodeId) -> None:
        """There is a new connection to that member, or each of the two has only now come to know the other one."""
        self._sending.handle(Connected(peer))

    def members(self, local: NodeId, others: Collection[NodeId]) -> None:
        """Have transfers with these members and with no other node."""
        members = Members(local.uid, frozenset(others))
        self._sending.handle(members)
        self._receiving.handle(members)

    def out(self) -> None:
        """End all transfers: this incarnation is no longer a member."""
        none = Members(0, frozenset())
        self._sending.handle(none)
        self._receiving.handle(none)

    def _carry_out(self, effect: sending.Effect | receiving.Effect) -> None:
        match effect:
            case SendBulk(to, message):
                self._send_frame(to, codec.encode(frames.BULK, message))
            case Finished(transfer, error):
                self._finish(transfer, error)
            case Deliver(sender, number, kind, data):
                self._receiving.handle(Delivered(sender, number, self._deliver(sender, kind, data)))

    def _finish(self, transfer: Transfer, error: Exception | None) -> None:
        ended = self._pending[transfer]
        if ended.done():  # its task has been cancelled, and has not run since
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def _deliver(self, sender: NodeId, kind: str, data: bytearray) -> str:
        """Returns what the handler's error was, if it has raised one."""
        try:
            self._handlers[kind](sender, data)
        except BaseException as error:
            raise_unless_failure(error)
            logger.error("the handler of bulk transfers of kind %s raised at one of %s", kind, sender, exc_info=error)
            return f"its receiver raised {described(error)}"[:MAX_REASON]
        return ""
