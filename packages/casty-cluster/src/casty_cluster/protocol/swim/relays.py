"""Pings on behalf of other nodes, which have not received an ack themselves."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from casty.member import NodeId

MOST: Final = 1_000
"""Requests in progress. Beyond that, one more would help no node."""


class Relay(NamedTuple):
    """A ping request in progress."""

    asker: NodeId
    sequence_nr: int
    """Of the asker's ping."""
    nack_at: float | None
    """None: the nack has been sent."""
    ends: float


class Relays:
    """Relays by the sequence numbers of this node's pings. An asker gets its nack before its period ends."""

    __slots__ = ("_nack_after", "_patience", "_relays")

    def __init__(self, ping_timeout: float) -> None:
        self._nack_after = 0.8 * ping_timeout
        self._patience = 10 * ping_timeout
        self._relays: dict[int, Relay] = {}

    def add(self, ping_nr: int, asker: NodeId, sequence_nr: int, now: float) -> bool:
        """Returns whether there is room for it."""
        if len(self._relays) >= MOST:
            return False
        self._relays[ping_nr] = Relay(asker, sequence_nr, now + self._nack_after, now + self._patience)
        return True

    def acked(self, ping_nr: int) -> Relay | None:
        """Return the relay of that ping, which ends with it."""
        return self._relays.pop(ping_nr, None)

    def overdue(self, now: float) -> list[Relay]:
        """Return the relays whose askers get a nack now; a late ack is still passed on for a while."""
        due: list[Relay] = []
        # In the order in which they were asked for, which is that of their deadlines as well.
        for ping_nr, relay in list(self._relays.items()):
            if relay.nack_at is not None and now >= relay.nack_at:
                due.append(relay)
                self._relays[ping_nr] = relay._replace(nack_at=None)
            elif now >= relay.ends:
                del self._relays[ping_nr]
        return due

    def clear(self) -> None:
        self._relays.clear()

    def deadlines(self) -> Iterable[float]:
        return (relay.ends if relay.nack_at is None else relay.nack_at for relay in self._relays.values())
