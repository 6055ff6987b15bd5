"""One connection: its bytes, its handshake, its end. Its host decides which peer and link it belongs to.

However the connection ends and whatever arrives, `Host.ended` is called once if `Host.established` was, and no frame is
delivered afterwards.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final, Protocol, cast, final, override

from casty.member import NodeId
from casty.spi.transport import FrameReceiver, Lane

from casty_transport_tcp.framing import FrameReader, Kind, encoded
from casty_transport_tcp.handshake import MAX_BODY, Accepting, Dialing, Peer
from casty_transport_tcp.reasons import Ending, Reason, told, without_frames
from casty_transport_tcp.tls import explained

READ_BYTES: Final = {Lane.control: 8 << 10, Lane.user: 64 << 10}
"""Of one read: all of its frames are handled in one turn of the loop, which must not take long. A frame of the control
lane takes longer than a user's message.
"""
WRITE_BUFFER: Final = 256 << 10
"""Bytes in asyncio's write buffer from which on frames stay in the link's queue."""
LINGER: Final = 1.0
"""Seconds for the other side to read the close frame and to close."""

_DATA: Final = int(Kind.data)
_OF_HANDSHAKE: Final = frozenset((Kind.hello, Kind.challenge, Kind.proof, Kind.welcome))
_PING: Final = encoded(Kind.ping)


class Host(Protocol):
    """The endpoint that a connection belongs to."""

    def receiver(self, peer: Peer) -> FrameReceiver:
        """Where the frames of this peer are delivered."""
        ...

    def frame_limit(self, lane: Lane) -> int: ...

    def refusal(self, peer: Peer) -> Ending | None:
        """Why a peer that has authenticated itself must not connect; None if it may."""
        ...

    def established(self, connection: "Connection", peer: Peer) -> None: ...

    def writable(self, connection: "Connection") -> None:
        """The connection accepts frames again."""
        ...

    def delivers(self, connection: "Connection") -> None:
        """Its first frame has arrived."""
        ...

    def skipped(self, peer: Peer, kind: int) -> None:
        """A frame of a kind that this version does not know has arrived, and is skipped."""
        ...

    def ended(self, connection: "Connection", peer: Peer, ending: Ending) -> None: ...


@final
class Connection(asyncio.BufferedProtocol):
    """A connection from its first byte on; see the module. `patience` is how many ticks it may be silent."""

    def __init__(self, host: Host, handshake: Dialing | Accepting, *, patience: int, user_timeout: float) -> None:
        self.peer: Peer | None = None
        """Known when the handshake is over."""
        self.ending: Ending | None = None
        """Known when it has ended."""
        self.was_made = False
        """Whether there was ever a socket, and a successful TLS handshake where TLS is configured."""
        self.is_writable = False
        loop = asyncio.get_running_loop()
        self.settled: Final[asyncio.Future[None]] = loop.create_future()
        """Done when the handshake is over, or has failed."""
        self.gone: Final[asyncio.Future[None]] = loop.create_future()
        """Done when the socket is closed."""
        self._loop = loop
        self._host = host
        self._receive: Callable[[NodeId, bytes], None] = _unexpected
        self._handshake = handshake
        self._patience = patience
        self._user_timeout = user_timeout
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader(MAX_BODY)
        self._buffer = memoryview(bytearray(MAX_BODY))
        self._sender: NodeId | None = None
        """The peer whose data frames are delivered, from the first one to the end."""
        self._silent_ticks = 0
        self._has_spoken = True
        self._linger: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.was_made = True
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        _tune(self._transport, self._user_timeout)
        if self.ending is not None:  # the attempt was cancelled while asyncio made the connection
            self._transport.abort()
        elif isinstance(self._handshake, Dialing):
            self._transport.write(encoded(Kind.hello, self._handshake.hello))

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self._silent_ticks = 0
        try:
            for kind, body in self._reader.feed(bytes(self._buffer[:nbytes])):
                sender = self._sender
                if kind != _DATA or (sender is None and (sender := self._first_sender()) is None):
                    self._handle(kind, body)
                    continue
                try:
                    self._receive(sender, body)
                except Exception as error:
                    report = {"message": f"the receiver of a frame from {sender} raised", "exception": error}
                    self._loop.call_exception_handler(report)
        except Ending as ending:
            self.close(ending)

    @override
    def eof_received(self) -> None:
        pass  # asyncio writes what is buffered, and then reports the connection lost

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._end(explained(exc))
        else:
            self._end(Ending(Reason.broken if self._reader.is_between_frames else Reason.truncated))
        self._release()
        if not self.gone.done():
            self.gone.set_result(None)

    @override
    def pause_writing(self) -> None:
        self.is_writable = False

    @override
    def resume_writing(self) -> None:
        if self.peer is not None and self.ending is None:
            self.is_writable = True
            self._host.writable(self)

    def write(self, frames: bytes) -> None:
        """Hand whole frames to the network. It may become unwritable by it."""
        assert self._transport is not None, "only an established connection is written to"
        self._has_spoken = True
        self._transport.write(frames)

    def tick(self) -> None:
        """Send a ping if nothing was sent since the last tick, and end a connection whose peer has been silent.

        Ticks are counted, not seconds: after a pause of this process, the bytes that arrived meanwhile are read before
        the peer counts as silent.
        """
        if self._silent_ticks >= self._patience:
            self.close(Ending(Reason.silent), abruptly=True)
            return
        self._silent_ticks += 1
        if self._transport is not None and not self._has_spoken and self.is_writable:
            self._transport.write(_PING)
        self._has_spoken = False

    def close(self, ending: Ending, *, abruptly: bool = False) -> None:
        """End it now; the socket is closed soon. Unless abruptly, buffered bytes and the reason are still sent."""
        if self.ending is not None:
            return
        transport = self._transport
        self._end(ending)
        if transport is None:
            self.gone.set_result(None)
            return
        if abruptly or transport.is_closing():
            transport.abort()
            return
        if not ending.by_peer:
            transport.write(encoded(Kind.close, ending.body))
        if ending.by_peer or ending.reason is not Reason.closed:
            transport.close()
        # Otherwise the other side closes once it has read everything: if this side closed a socket with unread input,
        # the system would discard what the other side has not read yet.
        self._linger = self._loop.call_later(LINGER, transport.abort)

    def _handle(self, kind: int, body: bytes) -> None:
        if self.ending is not None:
            self._bid_farewell(kind)
        elif kind == Kind.close:
            raise told(body, self._handshake.versions)
        elif self.peer is None:
            self._shake_hands(kind, body)
        elif kind in _OF_HANDSHAKE:
            raise Ending(Reason.out_of_turn, f"kind {kind} after the handshake")
        elif kind != Kind.ping:
            self._host.skipped(self.peer, kind)

    def _bid_farewell(self, kind: int) -> None:
        """Close at once if the other side has closed too; otherwise both would wait for the other one."""
        if kind == Kind.close and self._transport is not None:
            self._transport.close()

    def _shake_hands(self, kind: int, body: bytes) -> None:
        step = self._handshake.received(kind, body)
        if step.kind is not None and self._transport is not None:
            self._transport.write(encoded(step.kind, step.body))
        if step.peer is not None:
            # Only after the Welcome, by which the other side knows that an authenticated peer rejects it.
            if (refusal := self._host.refusal(step.peer)) is not None:
                raise refusal
            self._establish(step.peer)

    def _establish(self, peer: Peer) -> None:
        self.peer = peer
        self._reader.limit = self._host.frame_limit(peer.lane)
        self._reader.knows_all_kinds = False
        self._receive = self._host.receiver(peer).frame_received
        self._buffer = memoryview(bytearray(READ_BYTES[peer.lane]))
        self.is_writable = True
        self._host.established(self, peer)
        if not self.settled.done():
            self.settled.set_result(None)

    def _first_sender(self) -> NodeId | None:
        """The sender of the first data frame; None where none is allowed."""
        if self.peer is None or self.ending is not None:
            return None
        self._sender = self.peer.node
        self._host.delivers(self)
        return self._sender

    def _end(self, ending: Ending) -> None:
        if self.ending is not None:
            return
        self.ending = without_frames(ending)
        self.is_writable = False
        self._sender = None
        if not self.settled.done():
            self.settled.set_result(None)
        if self.peer is not None:
            self._host.ended(self, self.peer, ending)

    def _release(self) -> None:
        """Break the cycles of references, so that a lost connection is freed without the garbage collector."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._transport is not None:
            self._transport.close()  # a closed transport drops its references to itself and to TLS
            self._transport = None


def _unexpected(peer: NodeId, frame: bytes) -> None:
    """Stands for the receiver until the peer is known: no data frame is delivered before."""
    raise AssertionError(f"a frame of {peer} before the handshake was complete")


def _tune(transport: asyncio.Transport, user_timeout: float) -> None:
    """Send at once (no Nagle), and end a connection whose bytes are not acknowledged."""
    raw = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the other side may be gone already
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(user_timeout * 1000))
