"""Messages between actors of different nodes: at most once, and in order from one sender to one receiver as long as
the connection between their nodes lasts.

A tell never raises: a message that cannot be encoded, sent or delivered is a dead letter on the node that notices. An
ask whose target cannot reply is refused by the target's node, so that it fails before its timeout.
"""

import logging
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from casty.address import ActorAddress, PeerAddress
from casty.errors import ActorFailedError, ActorStoppedError, BehaviorError, DecodeError, EncodeError, PluginError
from casty.extension import ASKS, Asks, Kernel, LocalRef, Throttle, destination, has_stopped
from casty.member import NodeId
from casty.printable import printable
from casty.ref import ActorRef, DetachedRef
from casty.spi.serializer import Serializer

from casty_cluster.broadcast.broadcast import PREFIX
from casty_cluster.remoting.refs import RemoteRef, ReplyRef
from casty_cluster.wire import failures, frames
from casty_cluster.wire.forwarding import Flush, Forwarded, Returned
from casty_cluster.wire.permissions import check_message

logger = logging.getLogger("casty.remoting")

KEPT_TARGETS: Final = 4_096


class Wire(Protocol):
    """What delivery needs of the node."""

    def send(self, peer: PeerAddress, frame: bytes) -> str | None:
        """Queue a frame of the user lane. Returns why it will not be sent, if so."""
        ...


class FrameTaker(Protocol):
    """Takes frames of the user lane that are for no actor by its path."""

    def received(self, peer: NodeId, frame: bytes) -> None:
        """Raises `DecodeError` for a frame that is damaged."""
        ...

    def dropped(self, peer: PeerAddress, frame: bytes, reason: str) -> None:
        """The transport has dropped a frame."""
        ...

    def connected(self, peer: NodeId) -> None:
        """There is a new connection to that node: what was sent over the old one may be lost."""
        ...


class Delivery:
    """The messages of one node's actors to and from others."""

    def __init__(self, kernel: Kernel, wire: Wire, serializers: Callable[[str], Serializer]) -> None:
        self._kernel = kernel
        self._wire = wire
        self._serializers = serializers
        self._own = kernel.system.serializer
        self._own_name = self._own.name.encode()
        self._by_name = {self._own.name: self._own}
        self._targets: dict[bytes, tuple[weakref.ref[LocalRef[Any]], Serializer]] = {}
        """Targets of recent messages, by the bytes that name them. The references are weak: a stopped actor would keep
        everything in memory that its closures hold.
        """
        self._awaited_reply = 0
        self._reply: ReplyRef[Any] | None = None
        """The reply reference with that uid, once the message that is being decoded has contained it."""
        self._stand_in: ActorRef[Any] | None = None
        """What takes the place of that reference, where this node asks on behalf of a client."""
        self._throttle = Throttle(kernel.clock)
        self._takers: dict[int, FrameTaker] = {}
        """By kind of frame."""

    def take(self, kinds: Iterable[int], taker: FrameTaker) -> None:
        """Have `taker` take the frames of these kinds."""
        self._takers.update(dict.fromkeys(kinds, taker))

    def connected(self, peer: NodeId) -> None:
        """There is a new connection to that node."""
        for taker in dict.fromkeys(self._takers.values()):
            taker.connected(peer)

    @property
    def asks(self) -> Asks:
        """The pending asks of this node."""
        return self._kernel.asks

    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        """A reference for an address of another node."""
        host, port = address.host, address.port
        if host is None or port is None or address.system != self._kernel.system.name:
            return None
        peer = PeerAddress(host, port)
        if address.path != ASKS:
            return RemoteRef(self, address, peer)
        if address.uid == self._awaited_reply:
            if self._stand_in is not None:
                return self._stand_in
            self._reply = ReplyRef(self, address, peer)
            return self._reply
        return ReplyRef(self, address, peer)

    def tell(self, ref: RemoteRef[Any], message: Any) -> None:
        """Send a message to an actor of another node."""
        refused = self.send(ref, message)
        if refused is not None:
            self._kernel.dead_letters.publish(message, ref, *refused)

    def send(self, ref: RemoteRef[Any], message: Any) -> tuple[str, Exception | None] | None:
        """Send a message that may stand for another one. Returns why it was not sent, if so, and the error."""
        self._kernel.check_thread()
        try:
            refusal = self._wire.send(ref.peer, frames.tell(self._target(ref), self._own.dumps(message)))
        except (EncodeError, ValueError) as error:
            return str(error), error if isinstance(error, EncodeError) else None
        return None if refusal is None else (refusal, None)

    def ask(self, ref: RemoteRef[Any], message: Any, reply_uid: int, timeout: float) -> None:
        """Send a message whose reply goes to that reply reference of this node."""
        try:
            frame = frames.ask(self._target(ref), reply_uid, timeout, self._own.dumps(message))
            refusal = self._wire.send(ref.peer, frame)
        except EncodeError as error:
            self._kernel.asks.fail(reply_uid, error)  # the asker's mistake; another attempt would fail as well
            return
        except ValueError as error:
            refusal = str(error)
        if refusal is not None:
            self._kernel.asks.fail(reply_uid, ActorStoppedError(f"{ref.address} cannot answer: {refusal}"))
            self._kernel.dead_letters.publish(message, ref, refusal)

    def answer(self, ref: ReplyRef[Any], message: Any) -> None:
        """Send the reply to an ask of another node."""
        self._kernel.check_thread()
        refusal = self.reply(ref.peer, ref.address.uid, message)
        if refusal is not None:
            self._kernel.dead_letters.publish(message, ref, refusal)

    def reply(self, peer: PeerAddress, uid: int, message: Any) -> str | None:
        """Send the reply to the ask with that reply reference. Returns why it was not sent, if so."""
        try:
            return self._wire.send(peer, frames.answer(uid, self._own_name, self._own.dumps(message)))
        except (EncodeError, ValueError) as error:
            self.refuse(peer, uid, ActorFailedError(f"its answer cannot be sent: {error}"))
            return str(error)

    def refuse(self, peer: PeerAddress, reply_uid: int, error: Exception) -> None:
        """Send the failure of the ask with that reply reference."""
        self._wire.send(peer, frames.no_answer(reply_uid, failures.index_of(error), str(error)))

    def received(self, peer: NodeId, frame: bytes) -> None:
        """Take a frame of another node's actor. Never raises, whatever the frame contains."""
        try:
            match frame[0]:
                case frames.TELL:
                    self._told(peer, frame)
                case frames.ASK:
                    self._asked(peer.address, frame)
                case frames.ANSWER:
                    self._answered(frames.read_answer(frame))
                case frames.NO_ANSWER:
                    self._unanswered(frames.read_no_answer(frame))
                case kind:
                    taker = self._takers.get(kind)
                    if taker is None:
                        raise frames.unknown(kind)
                    taker.received(peer, frame)
        except DecodeError as error:
            if self._throttle.admits((peer, type(error))):
                logger.warning("a message of %s cannot be read and is dropped: %s", printable(peer), printable(error))

    def told_by_client(self, client: NodeId, frame: bytes) -> None:
        """Take a tell of a client. Raises `DecodeError` for a damaged one, or one that it may not send."""
        self._told(client, frame)

    def recipient(self, target: bytes) -> tuple[ActorRef[Any], Serializer]:
        """The actor that these bytes name, alive or not, and the serializer of its messages.

        Raises `DecodeError` for one of Casty's own actors.
        """
        known = self._known(target)
        if known is not None:
            return known
        path, uid, serializer = frames.read_target(target)
        return self._kernel.system.resolve(self._kernel.address(path, uid)), self.serializer(serializer)

    def read_for_client(self, reply_uid: int, serializer: Serializer, body: bytes, reply_to: ActorRef[Any]) -> Any:
        """The message of a client's ask, with `reply_to` in place of the client's own reply reference."""
        self._awaited_reply, self._stand_in = reply_uid, reply_to
        try:
            message = serializer.loads(body)
        finally:
            self._awaited_reply, self._stand_in = 0, None
        check_message(message)
        return message

    def dropped(self, peer: PeerAddress, lost: Sequence[bytes], reason: str) -> None:
        """Publish the messages of frames that the transport has dropped, and fail the asks among them."""
        for frame in lost:
            if frame[0] == frames.TELL or frame[0] == frames.ASK:
                target, body = frames.split(frame)
                self._undelivered(peer, frames.read_target(target), body, reason)
                if frame[0] == frames.ASK:
                    error = ActorStoppedError(f"{peer} cannot answer: {reason}")
                    self._kernel.asks.fail(frames.read_asked(frame).reply_uid, error)
            elif frame[0] == frames.ANSWER:
                reply_uid, serializer, body = frames.read_answer(frame)
                self._undelivered(peer, frames.Target(ASKS, reply_uid, serializer), body, reason)
            elif (taker := self._takers.get(frame[0])) is not None:
                taker.dropped(peer, frame, reason)

    def deliver(self, ref: LocalRef[Any], serializer: Serializer, body: bytes) -> None:
        """Deliver a tell of another node to its actor. Raises `DecodeError`."""
        self._kernel.dead_letters.tell(ref, serializer.loads(body))

    def deliver_ask(
        self,
        peer: PeerAddress,
        ref: LocalRef[Any],
        serializer: Serializer,
        body: bytes,
        reply_uid: int,
        seconds: float,
    ) -> None:
        """Deliver an ask whose asker waits for so many seconds more. Raises `DecodeError`, after refusing the ask."""
        try:
            message, reply = self._read_ask(reply_uid, serializer, body)
        except DecodeError as error:
            self.refuse(peer, reply_uid, error)
            raise
        try:
            asked, told = destination(ref, message)
        except (ActorStoppedError, BehaviorError) as refused:
            self.refuse(peer, reply_uid, refused)
            self._kernel.dead_letters.publish(message, ref, str(refused), refused)
            return
        self._guard(peer, asked, told, reply, reply_uid, seconds)
        del reply
        self._kernel.asks.deliver(asked, told)

    def _told(self, peer: NodeId, frame: bytes) -> None:
        target, body = frames.split(frame)
        known = self._known(target)
        if known is None:
            self._untaken(peer.address, frames.read_target(target), body)
            return
        ref, serializer = known
        message = serializer.loads(body)  # in place: nearly every message of another node passes here
        if peer.is_client:
            check_message(message)
        self._kernel.dead_letters.tell(ref, message)

    def _untaken(self, peer: PeerAddress, target: frames.Target, body: bytes) -> None:
        """Return a message that found no actor to its forwarder, if it has one; else it is a dead letter."""
        message = self.serializer(target.serializer).loads(body)
        if peer.is_client:
            check_message(message)
        if isinstance(message, Forwarded | Flush):
            self._at(peer, target.path).tell(message.returned())
        else:
            lost = message.message if isinstance(message, Returned) else message
            self._kernel.system.resolve(self._kernel.address(target.path, target.uid)).tell(lost)

    def _asked(self, peer: PeerAddress, frame: bytes) -> None:
        uid, seconds = frames.read_asked(frame)
        target, body = frames.split(frame)
        try:
            known = self._known(target)
            if known is None:
                if self._asked_adapter(peer, frames.read_target(target), uid, seconds, body):
                    return
                path = self._dead_letter(frames.read_target(target), body)
                self.refuse(peer, uid, ActorStoppedError(f"no living actor is at {path}"))
                return
        except DecodeError as error:
            self.refuse(peer, uid, error)
            raise
        ref, serializer = known
        self.deliver_ask(peer, ref, serializer, body, uid, seconds)

    def _asked_adapter(
        self, peer: PeerAddress, target: frames.Target, reply_uid: int, seconds: float, body: bytes
    ) -> bool:
        """Deliver an ask to a message adapter, if there is one; its owner replies."""
        adapter = self._kernel.find_adapter(self._kernel.address(target.path, target.uid))
        if adapter is not None:
            message, reply = self._read_ask(reply_uid, self.serializer(target.serializer), body)
            self._guard(peer, adapter, message, reply, reply_uid, seconds)
            del reply
            adapter.tell(message)
        return adapter is not None

    def _guard(
        self,
        peer: PeerAddress,
        ref: ActorRef[Any],
        message: Any,
        reply: ReplyRef[Any] | None,
        reply_uid: int,
        seconds: float,
    ) -> None:
        """Refuse the ask as soon as no reply can come from `ref`."""
        if reply is not None:
            guard = self._kernel.asks.guard
            reply.guard = guard(ref, message, reply, seconds, lambda error: self.refuse(peer, reply_uid, error))

    def _read_ask(self, reply_uid: int, serializer: Serializer, body: bytes) -> tuple[Any, ReplyRef[Any] | None]:
        self._awaited_reply, self._reply = reply_uid, None
        try:
            message = serializer.loads(body)
            return message, self._reply
        finally:
            self._awaited_reply, self._reply = 0, None

    def _dead_letter(self, target: frames.Target, body: bytes) -> str:
        """Publish an ask without a living target as a dead letter. Returns the path."""
        message = self.serializer(target.serializer).loads(body)
        self._kernel.system.resolve(self._kernel.address(target.path, target.uid)).tell(message)
        return target.path

    def _answered(self, answered: frames.Answered) -> None:
        try:
            message = self.serializer(answered.serializer).loads(answered.body)
        except DecodeError as error:
            self._kernel.asks.fail(answered.reply_uid, error)
            raise
        self._kernel.asks.answer(answered.reply_uid, message)

    def _unanswered(self, unanswered: frames.Unanswered) -> None:
        self._kernel.asks.fail(unanswered.reply_uid, failures.failure(unanswered.failure, unanswered.reason))

    def _target(self, ref: RemoteRef[Any]) -> bytes:
        if ref.target is None:
            ref.target = frames.write_target(ref.address.path, ref.address.uid, self._own.name)
        return ref.target

    def _known(self, target: bytes) -> tuple[LocalRef[Any], Serializer] | None:
        """The living actor that these bytes name, and the serializer of its messages."""
        known = self._targets.get(target)
        ref = None if known is None else known[0]()
        if known is None or ref is None or has_stopped(ref):
            path, uid, serializer = frames.read_target(target)
            if _is_internal(path):
                raise DecodeError(f"{printable(path)} is internal to Casty and takes no messages of other nodes")
            ref = self._kernel.find(path, uid)
            if ref is None:
                return None
            if len(self._targets) >= KEPT_TARGETS:
                self._targets.clear()
            forget = partial(self._forget, target)
            known = self._targets[target] = weakref.ref(ref, forget), self.serializer(serializer)
        return ref, known[1]

    def _forget(self, target: bytes, stopped: weakref.ref[LocalRef[Any]]) -> None:
        known = self._targets.get(target)
        if known is not None and known[0] is stopped:
            del self._targets[target]

    def serializer(self, name: str) -> Serializer:
        """The serializer of that name. Raises `DecodeError` where this node has none."""
        found = self._by_name.get(name)
        if found is None:
            try:
                found = self._by_name[name] = self._serializers(name)
            except PluginError as error:
                raise DecodeError(f"it is written with a serializer that this node does not have: {error}") from None
        return found

    def _undelivered(self, peer: PeerAddress, target: frames.Target, body: bytes, reason: str) -> None:
        """Publish a message that the transport has dropped as a dead letter."""
        path, uid, serializer = target
        system = self._kernel.system.name
        ref = DetachedRef[Any](ActorAddress(system=system, path=path, host=peer.host, port=peer.port, uid=uid))
        try:
            message = self.serializer(serializer).loads(body)
        except DecodeError:
            message = body
        if isinstance(message, Forwarded) and (actor := self._kernel.find(path)) is not None:
            self._kernel.dead_letters.tell(actor, message.returned())  # its forwarder may have another target by now
        else:
            self._kernel.dead_letters.publish(message, ref, reason)

    def _at(self, peer: PeerAddress, path: str) -> RemoteRef[Any]:
        address = ActorAddress(system=self._kernel.system.name, path=path, host=peer.host, port=peer.port)
        return RemoteRef(self, address, peer)


def _is_internal(path: str) -> bool:
    """Whether a path leads to one of Casty's own actors. The actors of broadcasts belong to the users."""
    top = path.lstrip("/")
    return top.startswith("_") and not top.startswith(PREFIX) and path != ASKS
