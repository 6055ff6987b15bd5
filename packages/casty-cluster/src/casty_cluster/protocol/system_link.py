"""System messages between two incarnations: numbered, repeated until acknowledged, delivered once and in order.

Theory of operation. Each side numbers what it sends from 1 and keeps it until the other side has acknowledged it. What
arrives is taken if it is the next number, acknowledged again if it is an older one, and dropped if there is a gap: it
comes again. An acknowledgement names the highest number up to which everything has been taken, so it may be lost. What
is kept is repeated `RESEND` seconds after it was last sent, and at once on a new connection. A peer that acknowledges
nothing while `CAPACITY` messages pile up is beyond help: the link breaks, and whoever runs it gives the peer up.

Who sends knows an address, and another incarnation may be there by now whose link begins at 1 as well. So everything
says which incarnation it is for, and means nothing to any other.

The scheme is that of Pekko's artery (`SystemMessageDelivery.scala`).

Invariants: kept numbers are consecutive and end before the next one; nothing is taken twice.
"""

from collections import deque
from typing import Any, Final

from casty_cluster.wire.system import Acknowledged, Numbered

RESEND: Final = 1.0
"""Seconds; several round trips of any network that a cluster should span."""
CAPACITY: Final = 20_000


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
        """Whether so much has gone unacknowledged that messages were dropped."""
        self.repeat_at: float | None = None
        """When what is unacknowledged is to be sent again."""

    def numbered(self, message: Any) -> Numbered:
        """The message as it goes to the peer, once it is kept."""
        return Numbered(self._peer, self._sent + 1, message)

    def keep(self, numbered: Numbered, now: float) -> bool:
        """Whether the message may be sent; no other one may have been numbered since. False: the link is broken."""
        if self.broken or len(self._kept) >= CAPACITY:
            self.broken = True
            return False
        self._sent += 1
        self._kept.append(numbered)
        if self.repeat_at is None:
            self.repeat_at = now + RESEND
        return True

    def repeat(self, now: float) -> list[Numbered]:
        """All that is unacknowledged, to be sent again."""
        self.repeat_at = now + RESEND if self._kept else None
        return list(self._kept)

    def acknowledged(self, said: Acknowledged, now: float) -> None:
        """The peer has taken everything up to a number. One that was never sent means nothing."""
        if said.to != self._local or said.sequence_nr > self._sent:
            return
        while self._kept and self._kept[0].sequence_nr <= said.sequence_nr:
            self._kept.popleft()
        self.repeat_at = now + RESEND if self._kept else None

    def take(self, numbered: Numbered) -> bool:
        """Whether this message is the next one; whatever it is, `acknowledgement` is to be sent."""
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
