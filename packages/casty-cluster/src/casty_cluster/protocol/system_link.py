"""System messages between two incarnations: numbered, repeated until acknowledged, delivered once and in order.

Theory of operation. Each side numbers what it sends from 1 and keeps it until the other side has acknowledged it. What
arrives is taken if it is the next number, acknowledged again if it is an older one, and dropped if there is a gap: it
comes again. An acknowledgement names the highest number up to which everything has been taken, so it may be lost. What
is kept is repeated `RESEND` seconds after it was last sent, and at once on a new connection. A peer that acknowledges
nothing while `CAPACITY` messages pile up is beyond help: the link breaks, and whoever runs it gives the peer up.

The scheme is that of Pekko's artery (`SystemMessageDelivery.scala`).

Invariants: kept numbers are consecutive and end before the next one; nothing is taken twice.
"""

from collections import deque
from typing import Any, Final, NamedTuple

from casty.serialization import message

RESEND: Final = 1.0
"""Seconds; several round trips of any network that a cluster should span."""
CAPACITY: Final = 20_000


@message("casty.system.Numbered")
class Numbered(NamedTuple):
    """A system message with its place on its link."""

    sequence_nr: int
    message: Any


@message("casty.system.Acknowledged")
class Acknowledged(NamedTuple):
    """Everything up to this number has been taken."""

    sequence_nr: int


class SystemLink:
    """One node's half of the link to one incarnation of another."""

    __slots__ = ("_kept", "_sent", "_taken", "broken", "repeat_at")

    def __init__(self) -> None:
        self._kept: deque[Numbered] = deque()
        self._sent = 0
        self._taken = 0
        self.broken = False
        """Whether so much has gone unacknowledged that messages were dropped."""
        self.repeat_at: float | None = None
        """When what is unacknowledged is to be sent again."""

    def send(self, message: Any, now: float) -> Numbered | None:
        """The message as it goes to the peer; None where the link is broken."""
        if self.broken or len(self._kept) >= CAPACITY:
            self.broken = True
            return None
        self._sent += 1
        numbered = Numbered(self._sent, message)
        self._kept.append(numbered)
        if self.repeat_at is None:
            self.repeat_at = now + RESEND
        return numbered

    def repeat(self, now: float) -> list[Numbered]:
        """All that is unacknowledged, to be sent again."""
        self.repeat_at = now + RESEND if self._kept else None
        return list(self._kept)

    def acknowledged(self, up_to: int, now: float) -> None:
        """The peer has taken everything up to this number. One that was never sent means nothing."""
        if up_to > self._sent:
            return
        while self._kept and self._kept[0].sequence_nr <= up_to:
            self._kept.popleft()
        self.repeat_at = now + RESEND if self._kept else None

    def take(self, numbered: Numbered) -> bool:
        """Whether this message is the next one; whatever it is, `acknowledgement` is to be sent."""
        if numbered.sequence_nr != self._taken + 1:
            return False
        self._taken += 1
        return True

    def acknowledgement(self) -> Acknowledged:
        return Acknowledged(self._taken)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        numbers = [kept.sequence_nr for kept in self._kept]
        assert numbers == list(range(self._sent - len(numbers) + 1, self._sent + 1)), numbers
