"""One incarnation of a node at work: it hands frames and the passing of time to the machines, and carries out what they
say. It decides nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, get_args, override

from casty.address import PeerAddress
from casty.clock import Clock
from casty.errors import DecodeError
from casty.extension import Throttle
from casty.member import Member, NodeId
from casty.printable import printable
from casty.spi.downing import DowningStrategy
from casty.spi.failure_detector import FailureDetector, Probe
from casty.spi.transport import ConnectFailure, FrameReceiver, Lane, Transport

from casty_cluster.node.alarm import Alarm
from casty_cluster.protocol.membership.effects import Effect, MembersChanged, Send
from casty_cluster.protocol.membership.inputs import ConnectFailed, Input, Received, Replaced, Start, Suspects, Tick
from casty_cluster.protocol.membership.machine import Membership
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.refused_connections import RefusedConnections
from casty_cluster.wire import codec
from casty_cluster.wire import frames as kinds
from casty_cluster.wire.membership import Message

logger = logging.getLogger("casty.cluster")

_MESSAGES: Final = get_args(Message.__value__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upward:
    """Who takes what is not the membership's business."""

    effect: Callable[[Effect], None]
    """All effects but messages."""
    connected: Callable[[NodeId], None]
    lost: Callable[[NodeId], None]
    system: Callable[[NodeId, bytes], None]
    """Frames of system links; may raise `DecodeError`."""
    user: Callable[[NodeId, bytes], None]
    dropped: Callable[[PeerAddress, Sequence[bytes], str], None]
    """Frames of actors' messages that the transport gave up."""


class Incarnation(FrameReceiver):
    """Joins as soon as `begin` is called, and is silent after `end`."""

    def __init__(self, clock: Clock, upward: Upward) -> None:
        self._clock = clock
        self._upward = upward
        self._transport: Transport | None = None
        self._throttle = Throttle(clock)
        self._heard: dict[NodeId, None] = {}
        """Whose actors were heard since the last look: the failure detector is told then, not for each frame."""
        self._suspects = Suspects(frozenset())
        self._membership_alarm = Alarm(clock, lambda: self.handle(Tick()))
        self._detector_alarm = Alarm(clock, self._look)

    def begin(
        self,
        transport: Transport,
        local: Member,
        detector: FailureDetector,
        *,
        settings: MembershipSettings,
        strategy: DowningStrategy,
        random: Random,
        refused_patience: float,
    ) -> None:
        """Look for the cluster."""
        self._membership = Membership(local, settings, strategy=strategy, random=random)
        self._detector = detector
        self._refused = RefusedConnections(refused_patience)
        self._local = local.node
        self._transport = transport
        self.handle(Start())
        self._detector_alarm.set(detector.next_deadline())

    def end(self) -> None:
        """Nothing is sent, read or decided any more."""
        self._transport = None
        self._membership_alarm.stop()
        self._detector_alarm.stop()

    def send(self, to: PeerAddress, frame: bytes, lane: Lane) -> bool:
        """False: it was dropped. Raises ValueError for a frame that is too large."""
        return self._transport is not None and self._transport.send(to, frame, lane)

    def handle(self, what: Input) -> None:
        """Have the membership take this, and carry out what it answers."""
        if self._transport is None:
            return
        now = self._clock.time()
        for effect in self._membership.handle(what, now):
            match effect:
                case Send(to, message):
                    address = to.address if isinstance(to, NodeId) else to
                    self.send(address, codec.encode(kinds.MEMBERSHIP, message), Lane.control)
                case MembersChanged(members=members):
                    others = [member.node for member in members if member.node != self._local]
                    self._detector.members(others, now)
                    self._refused.members(others)
                    self._detector_alarm.set(self._detector.next_deadline())
                    self._upward.effect(effect)
                case _:
                    self._upward.effect(effect)
        self._set_alarm()

    def validate(self) -> None:
        """Raises AssertionError where the membership contradicts itself."""
        if self._transport is not None:
            self._membership.validate()

    def is_gone(self, node: NodeId) -> bool:
        """Whether it was a member and is none any more: whatever it says does not count."""
        state = self._membership.state
        return state is not None and state.is_gone(node)

    @override
    def peer_connected(self, peer: NodeId) -> None:
        if self._transport is not None:
            self._upward.connected(peer)

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        logger.debug("no connection to %s: %s", peer, reason)
        if self._transport is not None:
            self._upward.lost(peer)

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        self.handle(ConnectFailed(peer, failure, reason))
        if self._transport is not None:
            now = self._clock.time()
            self._refused.failed(peer, failure, now)
            self._note_heard(now)
            self._report()

    @override
    def replaced(self, by: NodeId) -> None:
        self.handle(Replaced(by))

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self._upward.dropped(peer, [frame for frame in frames if frame[0] >= kinds.TELL], reason)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        if self._transport is None:
            return
        kind = frame[0]
        if kind >= kinds.TELL:
            self._heard[peer] = None
            if not self.is_gone(peer):
                self._upward.user(peer, frame)
            return
        try:
            self._control(peer, kind, frame)
        except DecodeError as error:
            if self._throttle.admits((peer.address, kind)):
                logger.warning(
                    "a control message of %s cannot be read and is dropped: %s", printable(peer), printable(error)
                )

    def _control(self, peer: NodeId, kind: int, frame: bytes) -> None:
        now = self._clock.time()
        # What arrives while the detector's look is overdue has waited here for as long: the process was held up.
        due = self._detector.next_deadline()
        waited = 0.0 if due is None else max(0.0, now - due)
        self._detector.heard(peer, now)
        self._refused.heard(peer)
        match kind:
            case kinds.MEMBERSHIP:
                self.handle(Received(peer, codec.decode(frame, *_MESSAGES), waited))
            case kinds.DETECTOR:
                self._probe(self._detector.receive(peer, frame[1:], now))
                self._report()
            case kinds.SYSTEM:
                if not self.is_gone(peer):
                    self._upward.system(peer, frame)
            case _:
                raise DecodeError(f"unknown kind of frame, {kind}: a newer version of Casty may have sent it")

    def _look(self) -> None:
        now = self._clock.time()
        self._note_heard(now)
        self._probe(self._detector.tick(now))
        self._report()

    def _note_heard(self, now: float) -> None:
        for node in self._heard:
            self._detector.heard(node, now)
            self._refused.heard(node)
        self._heard.clear()

    def _probe(self, probes: Sequence[Probe]) -> None:
        for to, payload in probes:
            self.send(to.address, bytes((kinds.DETECTOR,)) + payload, Lane.control)
        if self._transport is not None:
            self._detector_alarm.set(self._detector.next_deadline())

    def _set_alarm(self) -> None:
        due = self._membership.next_deadline()
        over = self._transport is None or due == float("inf")
        self._membership_alarm.set(None if over else due)

    def _report(self) -> None:
        now = self._clock.time()
        refused = self._refused.suspects(now)
        suspects = Suspects(refused.union(self._detector.suspects(now)), refused)
        if suspects != self._suspects:
            self._suspects = suspects
            self.handle(suspects)
