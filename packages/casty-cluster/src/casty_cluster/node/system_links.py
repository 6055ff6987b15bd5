"""The system messages of one node: a `SystemLink` to each other member, and a handler for each type of message."""

import logging
from collections.abc import Callable, Collection
from typing import Any

from casty.clock import Clock
from casty.errors import DecodeError
from casty.member import NodeId

from casty_cluster.node.driver import Alarm
from casty_cluster.protocol.system_link import SystemLink
from casty_cluster.wire import codec, frames
from casty_cluster.wire.system import Acknowledged, Numbered

logger = logging.getLogger("casty.cluster")

type Handler = Callable[[NodeId, Any], None]
"""Takes the sender and the message."""


class SystemLinks:
    """Sends each message until it is acknowledged or its receiver is removed from the cluster.

    Messages of nodes that are no members are dropped; a node that other members have admitted already repeats its
    messages until this node knows it too. So a handler of messages learns of the removal of each of their senders.
    """

    def __init__(
        self, clock: Clock, send: Callable[[NodeId, bytes], None], break_with: Callable[[NodeId, str], None]
    ) -> None:
        self._clock = clock
        self._send = send
        self._break_with = break_with
        self._links: dict[NodeId, SystemLink] = {}
        self._handlers: dict[type, Handler] = {}
        self._alarm = Alarm(clock, self._repeat_due)

    def on(self, kind: type, handler: Handler) -> None:
        """Have `handler` take the messages of that type."""
        self._handlers[kind] = handler

    def send(self, to: NodeId, message: Any) -> None:
        """Send a message that is delivered once, whatever happens to connections, unless its receiver is removed.

        Raises `EncodeError` for a message that is too large.
        """
        link = self._links.get(to)
        if link is None:
            return
        numbered = link.numbered(codec.dumps(message))
        frame = codec.encode(frames.SYSTEM, numbered)
        if link.keep(numbered, self._clock.time()):
            self._send(to, frame)
            self._set_alarm()
        else:
            self._break_with(to, "it has acknowledged no system messages for too long")

    def met(self, peer: NodeId) -> None:
        """Send all unacknowledged messages again: there is a new connection, or each of the two members has only now
        come to know the other one.
        """
        if peer in self._links:
            self._repeat(peer, self._links[peer])
            self._set_alarm()

    def received(self, peer: NodeId, frame: bytes) -> None:
        """Raises `DecodeError` for a damaged frame."""
        link = self._links.get(peer)
        if link is None:
            return
        match codec.decode(frame, Numbered, Acknowledged):
            case Acknowledged() as acknowledged:
                link.acknowledged(acknowledged, self._clock.time())
                self._set_alarm()
            case Numbered() as numbered:
                taken = link.take(numbered)
                # Acknowledged before it is read: a message that this node cannot read must not block the link.
                self._send(peer, codec.encode(frames.SYSTEM, link.acknowledgement()))
                if taken:
                    self._deliver(peer, codec.loads(numbered.message))

    def members(self, local: NodeId, others: Collection[NodeId]) -> None:
        """Have links to these members and to no other node."""
        self._links = {peer: self._links.get(peer) or SystemLink(local.uid, peer.uid) for peer in others}
        self._set_alarm()

    def out(self) -> None:
        """End all links: this incarnation is no longer a member."""
        self._links.clear()
        self._alarm.stop()

    def _deliver(self, peer: NodeId, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise DecodeError(f"no feature of this node handles messages of type {type(message).__name__}")
        handler(peer, message)

    def _repeat(self, peer: NodeId, link: SystemLink) -> None:
        for numbered in link.repeat(self._clock.time()):
            self._send(peer, codec.encode(frames.SYSTEM, numbered))

    def _repeat_due(self) -> None:
        now = self._clock.time()
        for peer, link in list(self._links.items()):
            if link.repeat_at is not None and link.repeat_at <= now:
                self._repeat(peer, link)
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = (link.repeat_at for link in self._links.values() if link.repeat_at is not None)
        self._alarm.set(min(due, default=None))
