"""System messages between two incarnations: numbered, repeated until acknowledged, delivered once and in order.

Theory of operation. Each side numbers its messages from 1 and keeps each one until the other side has acknowledged it.
The receiver takes a message if it has the next number, acknowledges an older one again, and drops one after a gap: that
one is sent again. An acknowledgement names the highest number up to which all messages have been taken, so it may be
lost. Kept messages are repeated `RESEND` seconds after they were last sent, and at once on a new connection. If a peer
acknowledges nothing while `CAPACITY` messages accumulate, the link breaks and the peer has to be downed.

Frames go to an address, where another incarnation may listen by now whose link starts at 1 as well. So every message
names the incarnation that it is for, and all others ignore it.

The scheme is that of Pekko's artery (`SystemMessageDelivery.scala`).

Invariants: the numbers of kept messages are consecutive and end before the next number; no message is taken twice.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from casty.member import NodeId

from casty_cluster.wire.system import Acknowledged, Numbered

RESEND: Final = 1.0
"""Seconds; several round trips of any network that a cluster should span."""
CAPACITY: Final = 20_000


@dataclass(frozen=True, slots=True)
class SendSystem[M]:
    """Effect of any machine: send a message over the system link to that incarnation."""

    to: NodeId
    message: M


class SystemLink:
    """One node's half of the link to one incarnation of another."""

    __slots__ = ("_kept", "_local", "_peer", "_sent", "_taken", "broken", "repeat_at")

    def __init__(self, local: int, peer: int) -> None:
        """The uids of the two."""
        self._local = local
        self._peer = peer
        self._kept: deque[Numbered] = deque()
        self._sent = 0
        self._taken = 0
        self.broken = False
        """Whether messages were dropped because too many were unacknowledged."""
        self.repeat_at: float | None = None
        """When unacknowledged messages are due to be sent again."""

    def numbered(self, message: Any) -> Numbered:
        """Return the message as it goes to the peer. Send it only after `keep`: it may turn out to be too large."""
        return Numbered(self._peer, self._sent + 1, message)

    def keep(self, numbered: Numbered, now: float) -> bool:
        """Keep the message that was numbered last. Returns whether it may be sent; False: the link is broken."""
        if self.broken or len(self._kept) >= CAPACITY:
            self.broken = True
            return False
        self._sent += 1
        self._kept.append(numbered)
        if self.repeat_at is None:
            self.repeat_at = now + RESEND
        return True

    def repeat(self, now: float) -> list[Numbered]:
        """Return all unacknowledged messages, to be sent again."""
        self.repeat_at = now + RESEND if self._kept else None
        return list(self._kept)

    def acknowledged(self, said: Acknowledged, now: float) -> None:
        """The peer has taken all messages up to a number. A number that was never sent is ignored."""
        if said.to != self._local or said.sequence_nr > self._sent:
            return
        while self._kept and self._kept[0].sequence_nr <= said.sequence_nr:
            self._kept.popleft()
        self.repeat_at = now + RESEND if self._kept else None

    def take(self, numbered: Numbered) -> bool:
        """Return whether this message is the next one. In either case `acknowledgement` is due."""
        if numbered.to != self._local or numbered.sequence_nr != self._taken + 1:
            return False
        self._taken += 1
        return True

    def acknowledgement(self) -> Acknowledged:
        return Acknowledged(self._peer, self._taken)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        numbers = [kept.sequence_nr for kept in self._kept]
        assert numbers == list(range(self._sent - len(numbers) + 1, self._sent + 1)), numbers
