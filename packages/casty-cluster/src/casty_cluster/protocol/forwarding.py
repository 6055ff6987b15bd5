"""Messages for an actor that moves between nodes: each goes to where the actor is, or waits, and none gets lost on a
planned move.

Theory of operation. Each node has one of these for each such actor. It is aimed at the node that hosts the actor, or at
this one once the actor runs here, or at none while that is not known. What cannot leave waits, in order, up to a
bound; what comes later waits behind it. While nodes do not agree yet about the host, a message may be passed on several
times: the first `QUICK_HOPS` at once, the next ones after a pause each, and after `MAX_HOPS` it is undeliverable. A
node where nothing takes the message, because the actor is not set up there yet or any more, returns it to the node that
has sent it last, which keeps it before all that came later and tries again after the same pause.

A node that retires drains before it goes: it asks each other node to flush. The other one never sends to it again and
answers on the same lane, in which order is kept; so with the answer all that either has sent to the other has arrived,
and all that was to be returned is back. What arrives meanwhile is passed on, after which its receiver is asked again.
The node is drained once nothing waits and every node has answered since it was sent something. A question or an answer
may be lost with a connection: the question is repeated. What this node's own actors say while it drains is passed on as
well, but keeps it no longer.

Invariants: nothing is sent to a node that has asked to flush; all that was taken was delivered, passed on, or dropped
with a reason, or waits.
"""

from collections import deque
from collections.abc import Collection, Set
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

from casty.member import NodeId

CAPACITY: Final = 1_000
"""Messages that wait."""
QUICK_HOPS: Final = 8
MAX_HOPS: Final = 48
PAUSE: Final = 0.25
"""Seconds before a message that was returned, or has come a long way, is passed on again."""
AGAIN: Final = 0.5
"""Seconds after which a question to flush is repeated."""


class Here(Enum):
    """The actor runs on this node."""

    here = "here"


HERE: Final = Here.here

type Aim = NodeId | Here | None


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
class AskToFlush:
    """Send the question on the lane of the messages; its answer carries the same number."""

    to: NodeId
    number: int


type Effect[M] = Deliver[M] | PassOn[M] | Drop[M] | AskToFlush


class Forwarding[M]:
    """A machine: see the module. Each input is answered by what is to be done, in order."""

    def __init__(self) -> None:
        self._aim: Aim = None
        self._returned: deque[tuple[M, int]] = deque()
        """What has been on its way already, and so comes before all that waits."""
        self._waiting: deque[tuple[M, int]] = deque()
        self._paused_until: float | None = None
        self._closed: set[NodeId] = set()
        """Nodes that have asked to flush."""
        self._others = self._reachable = frozenset[NodeId]()
        self._numbers = count(1)
        self._drains = False
        self._unflushed: dict[NodeId, int | None] = {}
        """Whose answer is missing, and the number of the last question; None: it has to be asked."""
        self._ask_again_at: float | None = None

    @property
    def is_drained(self) -> bool:
        """Whether nothing more is on its way to this node or from it."""
        return self._drains and not self._unflushed and not self._has_waiting

    @property
    def _has_waiting(self) -> bool:
        return bool(self._returned or self._waiting)

    def next_deadline(self) -> float | None:
        return min((due for due in (self._paused_until, self._ask_again_at) if due is not None), default=None)

    def members(
        self, others: Collection[NodeId], now: float, *, unreachable: Set[NodeId] = frozenset()
    ) -> list[Effect[M]]:
        """These are the other members now. Those that are unreachable are not waited for."""
        before, self._reachable = self._reachable, frozenset(others) - unreachable
        self._others = frozenset(others)
        self._closed &= self._others
        self._unflushed = {node: number for node, number in self._unflushed.items() if node in self._reachable}
        if self._drains:
            self._unflushed |= dict.fromkeys(sorted(self._reachable - before))
        return self._ask(now)

    def aim(self, aim: Aim, now: float) -> list[Effect[M]]:
        """The actor is there."""
        if aim != self._aim:
            self._aim = aim
            self._paused_until = None
        return self._flush(now)

    def take(self, message: M, hops: int, now: float) -> list[Effect[M]]:
        """A message for the actor; `hops`: how often it was passed on so far."""
        to = self._target
        if to is None or self._has_waiting or (hops >= QUICK_HOPS and to is not HERE):
            return self._keep(message, hops, now)
        own = self._drains and hops == 0
        return [self._leave(to, message, hops), *([] if own else self._again(to, now))]

    def returned(self, message: M, hops: int, now: float) -> list[Effect[M]]:
        """Where this node had passed the message on, nothing takes it."""
        self._returned.append((message, hops))
        self._paused_until = now + PAUSE
        return []

    def taken_back(self, messages: Collection[M]) -> None:
        """The actor stops here before it has handled these."""
        self._returned.extendleft((message, 0) for message in reversed(list(messages)))

    def asked_to_flush(self, node: NodeId) -> None:
        """That node retires: it is sent nothing any more, and the answer is due now."""
        self._closed.add(node)

    def drain(self, now: float) -> list[Effect[M]]:
        """This node retires and does not run the actor any more."""
        if self._drains:
            return []
        self._drains = True
        self._unflushed = dict.fromkeys(sorted(self._reachable))
        return self._ask(now)

    def flushed(self, number: int) -> None:
        """The answer to the question of that number."""
        for node, asked in list(self._unflushed.items()):
            if asked == number:
                del self._unflushed[node]
        if not self._unflushed:
            self._ask_again_at = None

    def tick(self, now: float) -> list[Effect[M]]:
        """Do what is due."""
        effects: list[Effect[M]] = []
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            effects += self._flush(now, patient=True)
        if self._ask_again_at is not None and now >= self._ask_again_at:
            self._ask_again_at = now + AGAIN
            # Under their numbers, so that answers count that are merely slow.
            effects += [AskToFlush(node, number) for node, number in self._unflushed.items() if number is not None]
        return effects

    def close(self) -> list[M]:
        """What is undeliverable because this machine ends."""
        left = [message for message, _ in (*self._returned, *self._waiting)]
        self._returned.clear()
        self._waiting.clear()
        return left

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert len(self._waiting) <= CAPACITY, "more waits than may"
        assert self._unflushed.keys() <= self._reachable, "it waits for one that it cannot reach"
        assert self._paused_until is not None or self._target is None or not self._has_waiting, "it waits for nothing"

    @property
    def _target(self) -> NodeId | Here | None:
        """Where messages can go now."""
        if self._paused_until is not None:
            return None
        aim = self._aim
        return aim if aim is HERE or (aim in self._others and aim not in self._closed) else None

    def _keep(self, message: M, hops: int, now: float) -> list[Effect[M]]:
        if len(self._waiting) >= CAPACITY:
            return [Drop(message, f"{CAPACITY} messages wait for it already")]
        if self._target is not None and not self._has_waiting:
            self._paused_until = now + PAUSE  # the nodes do not agree, which takes a while
        self._waiting.append((message, hops))
        return []

    def _flush(self, now: float, *, patient: bool = False) -> list[Effect[M]]:
        """Let leave what can; `patient`: the first message has had its pause."""
        effects: list[Effect[M]] = []
        while self._has_waiting and (to := self._target) is not None:
            queue = self._returned or self._waiting
            if queue[0][1] >= QUICK_HOPS and to is not HERE and not patient:
                self._paused_until = now + PAUSE
                break
            effects += [self._leave(to, *queue.popleft()), *self._again(to, now)]
        return effects

    def _leave(self, to: NodeId | Here, message: M, hops: int) -> Effect[M]:
        if isinstance(to, Here):
            return Deliver(message)
        if hops >= MAX_HOPS:
            return Drop(message, f"it was passed on {hops} times, last to {to}, and no node took it")
        return PassOn(to, message, hops + 1)

    def _again(self, to: Aim, now: float) -> list[Effect[M]]:
        """While this node drains, whom it has sent something is asked to flush after that."""
        if not self._drains or to is None or isinstance(to, Here) or to not in self._reachable:
            return []
        self._unflushed[to] = None
        return self._ask(now)

    def _ask(self, now: float) -> list[Effect[M]]:
        asked: list[Effect[M]] = []
        for node in [node for node, number in self._unflushed.items() if number is None]:
            number = self._unflushed[node] = next(self._numbers)
            asked.append(AskToFlush(node, number))
        if asked:
            self._ask_again_at = now + AGAIN
        elif not self._unflushed:
            self._ask_again_at = None
        return asked
