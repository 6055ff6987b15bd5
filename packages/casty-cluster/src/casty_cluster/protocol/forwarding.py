"""Messages for an actor that moves between nodes: each goes to where the actor is, or waits, and none gets lost on a
planned move.

Theory of operation. Each node has one of these for each such actor. It is aimed at the node that hosts the actor, or at
this one once the actor runs here, or at none while that is not known. Messages that cannot leave wait, in order, up to
a bound, and later ones wait behind them. While nodes do not agree about the host, a message may be passed on several
times: the first `QUICK_HOPS` at once, the next ones after a pause each, and after `MAX_HOPS` it is undeliverable. A
node without the actor's counterpart of this machine returns a message to the node that sent it last, which keeps it in
front of all later ones and tries again after the same pause.

A node that retires drains before it leaves: it asks each other node to flush. The other node never sends to it again,
and replies on the same lane, in which order is kept; so with the reply, all messages between the two have arrived, and
all that had to be returned are back. Messages that arrive meanwhile are passed on, and their receiver is asked again.
The node is drained once no message waits and every node has replied since the last message to it. A flush request or
its reply may be lost with a connection, so the request is repeated. Messages of this node's own actors are passed on
while it drains, but do not prolong it.

Invariants: no message goes to a node that has asked to flush; every message was delivered, passed on, or dropped with a
reason, or waits.
"""

from collections import deque
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

from casty.member import NodeId

from casty_cluster.protocol.machine import Tick

CAPACITY: Final = 1_000
"""Messages that wait."""
QUICK_HOPS: Final = 8
MAX_HOPS: Final = 48
PAUSE: Final = 0.25
"""Seconds before a message that was returned, or was passed on often, is passed on again."""
FLUSH_RETRY: Final = 0.5
"""Seconds after which a flush request is repeated."""


class Here(Enum):
    """The actor runs on this node."""

    here = "here"


HERE: Final = Here.here

type Aim = NodeId | Here | None


@dataclass(frozen=True, slots=True)
class Members:
    """These are the other members now. Unreachable ones are not waited for."""

    others: Collection[NodeId]
    unreachable: Set[NodeId] = frozenset()


@dataclass(frozen=True, slots=True)
class AimAt:
    """The actor is there."""

    aim: Aim


@dataclass(frozen=True, slots=True)
class Take[M]:
    """A message for the actor has come; `hops`: how often it was passed on so far."""

    message: M
    hops: int


@dataclass(frozen=True, slots=True)
class Returned[M]:
    """The node to which this message was passed on has no use for it."""

    message: M
    hops: int


@dataclass(frozen=True, slots=True)
class TakenBack[M]:
    """The actor stops here before it has handled these."""

    messages: Collection[M]


@dataclass(frozen=True, slots=True)
class FlushRequested:
    """That node retires: it gets no more messages, and a reply."""

    node: NodeId
    number: int


@dataclass(frozen=True, slots=True)
class Flushed:
    """The reply to the flush request of that number has come."""

    number: int


@dataclass(frozen=True, slots=True)
class Drain:
    """This node retires and does not run the actor any more."""


@dataclass(frozen=True, slots=True)
class Close:
    """This machine ends: drop what waits."""


type Input[M] = Members | AimAt | Take[M] | Returned[M] | TakenBack[M] | FlushRequested | Flushed | Drain | Close | Tick


@dataclass(frozen=True, slots=True)
class Deliver[M]:
    """Hand the message to the actor on this node."""

    message: M


@dataclass(frozen=True, slots=True)
class PassOn[M]:
    """Send the message to the other node's counterpart of this machine."""

    to: NodeId
    message: M
    hops: int


@dataclass(frozen=True, slots=True)
class Drop[M]:
    """The message is undeliverable."""

    message: M
    reason: str


@dataclass(frozen=True, slots=True)
class RequestFlush:
    """Send the request on the lane of the messages; its reply carries the same number."""

    to: NodeId
    number: int


@dataclass(frozen=True, slots=True)
class ReplyFlushed:
    """Send the reply to a flush request on the lane of the messages."""

    to: NodeId
    number: int


type Effect[M] = Deliver[M] | PassOn[M] | Drop[M] | RequestFlush | ReplyFlushed


class Forwarding[M]:
    """The machine of one actor on one node."""

    def __init__(self) -> None:
        self._aim: Aim = None
        self._returned: deque[tuple[M, int]] = deque()
        """Messages that were on their way already, and so come before all in `_waiting`."""
        self._waiting: deque[tuple[M, int]] = deque()
        self._paused_until: float | None = None
        self._closed: set[NodeId] = set()
        """Nodes that have asked to flush."""
        self._others = self._reachable = frozenset[NodeId]()
        self._numbers = count(1)
        self._drains = False
        self._unflushed: dict[NodeId, int | None] = {}
        """Nodes whose reply is missing, and the number of the last request; None: a request has to be sent."""
        self._retry_at: float | None = None

    @property
    def is_drained(self) -> bool:
        """Whether no message is on its way to this node or from it any more."""
        return self._drains and not self._unflushed and not self._has_waiting

    @property
    def _has_waiting(self) -> bool:
        return bool(self._returned or self._waiting)

    def handle(self, given: Input[M], now: float) -> Sequence[Effect[M]]:
        match given:
            case Take(message, hops):
                return self._take(message, hops, now)
            case AimAt(aim):
                if aim != self._aim:
                    self._aim = aim
                    self._paused_until = None
                return self._flush(now)
            case Members(others, unreachable):
                return self._members(frozenset(others), unreachable, now)
            case Returned(message, hops):
                self._returned.append((message, hops))
                self._paused_until = now + PAUSE
                return []
            case TakenBack(messages):
                self._returned.extendleft((message, 0) for message in reversed(list(messages)))
                return self._flush(now)
            case FlushRequested(node, number):
                self._closed.add(node)
                return [ReplyFlushed(node, number)]
            case Flushed(number):
                return self._flushed(number)
            case Drain():
                return self._drain(now)
            case Close():
                return self._close()
            case Tick():
                return self._tick(now)

    def next_deadline(self) -> float | None:
        if self._paused_until is None or self._retry_at is None:
            return self._retry_at if self._paused_until is None else self._paused_until
        return min(self._paused_until, self._retry_at)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert len(self._waiting) <= CAPACITY, "more messages wait than may"
        assert self._unflushed.keys() <= self._reachable, "it waits for a node that it cannot reach"
        assert self._target is None or not self._has_waiting, "messages wait for nothing"

    @property
    def _target(self) -> NodeId | Here | None:
        """Where messages can go at the moment."""
        if self._paused_until is not None:
            return None
        aim = self._aim
        return aim if aim is HERE or (aim in self._others and aim not in self._closed) else None

    def _members(self, others: frozenset[NodeId], unreachable: Set[NodeId], now: float) -> list[Effect[M]]:
        before, self._reachable = self._reachable, others - unreachable
        self._others = others
        self._closed &= others
        self._unflushed = {node: number for node, number in self._unflushed.items() if node in self._reachable}
        if self._drains:
            self._unflushed |= dict.fromkeys(sorted(self._reachable - before))
        return [*self._request_flushes(now), *self._flush(now)]

    def _take(self, message: M, hops: int, now: float) -> list[Effect[M]]:
        to = self._target
        if to is None or self._has_waiting or (hops >= QUICK_HOPS and to is not HERE):
            return self._keep(message, hops, now)
        is_own = self._drains and hops == 0
        return [self._leave(to, message, hops), *([] if is_own else self._flush_again(to, now))]

    def _keep(self, message: M, hops: int, now: float) -> list[Effect[M]]:
        if len(self._waiting) >= CAPACITY:
            return [Drop(message, f"{CAPACITY} messages wait for the actor already")]
        if self._target is not None and not self._has_waiting:
            self._paused_until = now + PAUSE  # the nodes do not agree, which takes a while
        self._waiting.append((message, hops))
        return []

    def _flush(self, now: float, *, patient: bool = False) -> list[Effect[M]]:
        """Send the messages that can leave; `patient`: the first one has had its pause."""
        effects: list[Effect[M]] = []
        while self._has_waiting and (to := self._target) is not None:
            queue = self._returned or self._waiting
            if queue[0][1] >= QUICK_HOPS and to is not HERE and not patient:
                self._paused_until = now + PAUSE
                break
            effects += [self._leave(to, *queue.popleft()), *self._flush_again(to, now)]
        return effects

    def _leave(self, to: NodeId | Here, message: M, hops: int) -> Effect[M]:
        if isinstance(to, Here):
            return Deliver(message)
        if hops >= MAX_HOPS:
            return Drop(message, f"it was passed on {hops} times, last to {to}, and no node took it")
        return PassOn(to, message, hops + 1)

    def _drain(self, now: float) -> list[Effect[M]]:
        if self._drains:
            return []
        self._drains = True
        self._unflushed = dict.fromkeys(sorted(self._reachable))
        return self._request_flushes(now)

    def _flushed(self, number: int) -> list[Effect[M]]:
        for node, asked in list(self._unflushed.items()):
            if asked == number:
                del self._unflushed[node]
        if not self._unflushed:
            self._retry_at = None
        return []

    def _flush_again(self, to: Aim, now: float) -> list[Effect[M]]:
        """While this node drains, a node that was sent a message is asked to flush after it."""
        if not self._drains or to is None or isinstance(to, Here) or to not in self._reachable:
            return []
        self._unflushed[to] = None
        return self._request_flushes(now)

    def _request_flushes(self, now: float) -> list[Effect[M]]:
        requests: list[Effect[M]] = []
        for node in [node for node, number in self._unflushed.items() if number is None]:
            number = self._unflushed[node] = next(self._numbers)
            requests.append(RequestFlush(node, number))
        if requests:
            self._retry_at = now + FLUSH_RETRY
        elif not self._unflushed:
            self._retry_at = None
        return requests

    def _tick(self, now: float) -> list[Effect[M]]:
        effects: list[Effect[M]] = []
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            effects += self._flush(now, patient=True)
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = now + FLUSH_RETRY
            # Under their numbers, so that replies count that are merely slow.
            effects += [RequestFlush(node, number) for node, number in self._unflushed.items() if number is not None]
        return effects

    def _close(self) -> list[Effect[M]]:
        left = [message for message, _ in (*self._returned, *self._waiting)]
        self._returned.clear()
        self._waiting.clear()
        self._paused_until = self._retry_at = None
        return [Drop(message, "this node has stopped, and knows no other node that takes it") for message in left]
