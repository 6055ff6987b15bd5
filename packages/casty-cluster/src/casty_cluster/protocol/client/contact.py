"""Which node a client is attached to, its contact, and the messages that wait while it has none.

Theory of operation. The client asks one contact point after the other to be its contact, in random order, so that many
clients spread over the nodes. The contact's replies name further nodes: a client that runs for long finds the cluster
also when all contact points that it was given are gone. When all have been tried in vain, it pauses for longer each
time.

The contact is lost when the connection breaks, or when it leaves three requests in a row unanswered. What was under way
to it may have been handled or not. What comes after that waits, within bounds, for the next contact.

A contact announces that it is about to leave. When another node has accepted, the client sends that one what is
for actors of each node, and replies `Moved`. Messages for entities go on through the old contact, which routes them
until it has handed over its shards, and its actors have stopped. Then it sends `Release`: the client sends `Detach`
behind its last message, and nothing for entities until the reply, `Detached`: all that it has sent has arrived. So no
message for an entity overtakes an earlier one, none is lost, and the pause is as short as possible.

Invariants: messages wait only while no contact is open for them; without a contact, the next one is looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure

from casty_cluster.protocol.client.effects import (
    Abandon,
    ContactLost,
    Drop,
    Effect,
    Failure,
    Forward,
    Found,
    Send,
    Unreachable,
)
from casty_cluster.protocol.client.inputs import Begin, ConnectFailed, FromNode, Hold, Input, Lost, Received
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.buffer import Buffer, Buffered
from casty_cluster.protocol.timeouts import earliest
from casty_cluster.wire.client import Attach, Attached, Detach, Detached, Leaving, Moved, Release

ATTEMPT: Final = 3.0
"""Seconds for a contact point to reply, the connection included."""
INTERVAL: Final = 2.0
"""Seconds between two requests to the contact, by which the client notices that it does not reply."""
UNANSWERED: Final = 3
"""Requests in a row without a reply, after which a contact is lost. A process may be paused for some seconds."""
MOVE: Final = 5.0
"""Seconds for the old contact to confirm that everything has arrived."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 3.0
NOT_UP: Final = "the node is not up in its cluster, or about to leave it"
CAPACITY: Final = 10_000
"""Messages that wait for a contact."""
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A contact point that has been asked."""

    number: int
    address: PeerAddress
    until: float


@dataclass(slots=True)
class _Move:
    """The contact is to be left."""

    number: int = 0
    """Of `Detach`; 0 until the contact releases the client."""
    until: float = float("inf")
    to: NodeId | None = None
    """The node that has accepted."""


class Contact:
    """The machine of one client."""

    def __init__(
        self,
        points: Sequence[PeerAddress],
        random: Random,
        *,
        capacity: int = CAPACITY,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._points = tuple(points)
        self._random = random
        self._waiting = Buffer[bytes](capacity, max_bytes)
        """Only one shard of it is used: all messages wait for the same thing."""
        self._has_begun = False
        self._numbers = count(1)
        self._known: tuple[PeerAddress, ...] = ()
        """Nodes that the last contact has named."""
        self._node: NodeId | None = None
        self._move: _Move | None = None
        self._beat = 0
        """The number of the last request to the contact."""
        self._beat_at = 0.0
        self._unanswered = 0
        self._attempt: _Attempt | None = None
        self._untried: list[PeerAddress] = []
        self._failures: dict[PeerAddress, Failure] = {}
        self._retry_at: float | None = None
        self._pause = FIRST_PAUSE

    @property
    def open(self) -> NodeId | None:
        """The node that a message for an actor of each node may be sent to now; None: it has to wait, by `Hold`."""
        if self._move is not None and self._move.to is not None:
            return self._move.to
        return self.open_for_entities

    @property
    def open_for_entities(self) -> NodeId | None:
        """The same for a message for an entity."""
        return None if self._move is not None and self._move.number else self._node

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What has kept the client from a contact since it had one."""
        return tuple(self._failures.values())

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Begin():
                self._has_begun = True
                return self._seek(now)
            case Received(node, message):
                return self._received(node, message, now)
            case Lost():
                return self._lost(given, now)
            case ConnectFailed(address, failure, reason):
                final = failure is ConnectFailure.rejected
                return self._failed(Failure(address, reason, final), now)
            case Hold():
                return self._hold(given)
            case Tick():
                return self._tick(now)

    def next_deadline(self) -> float | None:
        return earliest(
            None if self._attempt is None else self._attempt.until,
            None if self._node is None else self._beat_at,
            None if self._move is None or not self._move.number else self._move.until,
            self._retry_at,
            self._waiting.earliest_deadline(),
        )

    def close(self) -> list[bytes]:
        """Return the frames that wait, because the client ends."""
        return [kept.message for kept in self._waiting.take(0)]

    def validate(self) -> None:
        self._waiting.validate()
        assert self.open_for_entities is None or not self._waiting, "messages wait although there is a contact"
        seeks = self._attempt is not None or self._retry_at is not None
        assert seeks or self._node is not None or not self._has_begun, "no contact is looked for"
        assert self._move is None or self._node is not None, "the client moves from nowhere"

    def _hold(self, hold: Hold) -> list[Effect]:
        kept = Buffered(shard=0, entity="", message=hold.frame, size=len(hold.frame), deadline=hold.deadline)
        return [Drop(refused.message, has_expired=False) for refused in self._waiting.wait(kept)]

    # The contact

    def _received(self, node: NodeId, message: FromNode, now: float) -> list[Effect]:
        match message:
            case Attached():
                return self._attached(node, message, now)
            case Leaving() if node == self._node:
                return self._leave(now)
            case Release() if node == self._node:
                return self._detach(node, now)
            case Detached(number) if self._move is not None and number == self._move.number and node == self._node:
                return self._moved(now)
            case Leaving() if self._move is not None and node == self._move.to:
                return self._seek(now)  # both leave; this one keeps its actors until a third has accepted
            case Leaving() | Release():
                # It has taken this client for its own at an attempt that came too late, and waits for it.
                return [Send(node.address, Detach(next(self._numbers)))]
            case Detached():
                return []

    def _attached(self, node: NodeId, reply: Attached, now: float) -> list[Effect]:
        if self._attempt is not None and reply.number == self._attempt.number:
            if not reply.is_accepted:
                return self._failed(Failure(self._attempt.address, NOT_UP, is_final=False), now)
            self._attempt, self._pause = None, FIRST_PAUSE
            self._failures.clear()
            self._known = reply.nodes
            return self._accepted(node, now)
        if node == self._node and reply.number == self._beat:
            self._unanswered = 0
            self._known = reply.nodes
            return [] if reply.is_accepted else self._leave(now)
        return []

    def _accepted(self, node: NodeId, now: float) -> list[Effect]:
        if self._node is None or self._move is None:
            return self._enter(node, now)
        before, self._move.to = self._move.to, node
        if before is not None:
            return [Send(before.address, Detach(next(self._numbers)))]
        # Once it has sent `Detach`, the old contact does not wait for `Moved` any more.
        return [] if self._move.number else [Send(self._node.address, Moved())]

    def _enter(self, node: NodeId, now: float) -> list[Effect]:
        self._node, self._move = node, None
        self._unanswered = 0
        self._beat_at = now + INTERVAL
        expired = self._expire(now)  # an ask that has timed out must not be sent any more
        return [*expired, Found(node), *(Forward(node, kept.message) for kept in self._waiting.take(0))]

    def _leave(self, now: float) -> list[Effect]:
        """The contact leaves its cluster: look for another one, and keep this one until then."""
        if self._move is not None:
            return []
        self._move = _Move()
        return self._seek(now)

    def _detach(self, node: NodeId, now: float) -> list[Effect]:
        """Wait until everything that was sent to the contact has arrived."""
        searches = self._leave(now)  # if the notice was lost
        if self._move is None or self._move.number:
            return searches
        self._move.number, self._move.until = next(self._numbers), now + MOVE
        return [*searches, Send(node.address, Detach(self._move.number))]

    def _moved(self, now: float) -> list[Effect]:
        assert self._move is not None
        node, self._move, self._node = self._move.to, None, None
        if node is not None:
            return self._enter(node, now)
        return [] if self._attempt or self._retry_at is not None else self._seek(now)

    def _lost(self, lost: Lost, now: float) -> list[Effect]:
        if self._move is not None and lost.node == self._move.to:
            self._move.to = None
            return self._seek(now)
        if lost.node != self._node:
            return []
        effects: list[Effect] = [ContactLost(lost.node, lost.reason)]
        if self._move is not None:
            return [*effects, *self._moved(now)]
        self._node = None
        return [*effects, *self._seek(now)]

    # The search

    def _seek(self, now: float) -> list[Effect]:
        """Start to ask contact points, each once."""
        to = None if self._move is None else self._move.to
        leaving = [node.address for node in (self._node, to) if node is not None]
        points = list(self._points)
        known = [address for address in self._known if address not in self._points]
        self._random.shuffle(points)
        self._random.shuffle(known)
        self._untried = [address for address in (*known, *points) if address not in leaving]
        self._failures = {address: why for address, why in self._failures.items() if address in self._untried}
        self._attempt = self._retry_at = None
        return self._try_next(now)

    def _try_next(self, now: float) -> list[Effect]:
        if self._untried:
            address = self._untried.pop()
            self._attempt = _Attempt(next(self._numbers), address, now + ATTEMPT)
            return [Send(address, Attach(self._attempt.number))]
        self._attempt = None
        self._retry_at = now + self._pause * self._random.uniform(0.5, 1.0)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return [Unreachable(self.failures)]

    def _failed(self, failure: Failure, now: float) -> list[Effect]:
        if self._attempt is None or failure.address != self._attempt.address:
            return []
        self._failures[failure.address] = failure
        return self._try_next(now)

    # Time

    def _tick(self, now: float) -> list[Effect]:
        effects = self._expire(now)
        if self._attempt is not None and now >= self._attempt.until:
            silent = Failure(self._attempt.address, f"no reply within {ATTEMPT:g} s", is_final=False)
            effects += self._failed(silent, now)
        if self._retry_at is not None and now >= self._retry_at:
            effects += self._seek(now)
        if self._move is not None and now >= self._move.until:
            effects += self._moved(now)
        if self._node is not None and now >= self._beat_at:
            effects += self._request(self._node, now)
        return effects

    def _expire(self, now: float) -> list[Effect]:
        return [Drop(kept.message, has_expired=True) for kept in self._waiting.expire(now)]

    def _request(self, node: NodeId, now: float) -> list[Effect]:
        if self._unanswered >= UNANSWERED:
            lost = Lost(node, f"it has not replied for {UNANSWERED * INTERVAL:g} s")
            return [*self._lost(lost, now), Abandon(node)]
        self._unanswered += 1
        self._beat, self._beat_at = next(self._numbers), now + INTERVAL
        return [Send(node.address, Attach(self._beat))]
