"""Messages of the failure detector `phi-accrual`, as bytes."""

from struct import Struct
from typing import Final, NamedTuple

PROBE: Final = b"phi?"
ANSWER: Final = b"phi!"

_FRAME: Final = Struct("!4sQI")
_LONGEST_LAG: Final = 2**32 - 1


class Message(NamedTuple):
    """A probe or the answer to one."""

    kind: bytes
    sequence_nr: int
    """Of the probe."""
    lag: float
    """Seconds by which the sender's event loop is late."""


def encode(message: Message) -> bytes:
    """Raises `struct.error` for numbers out of range."""
    lag = min(round(message.lag * 1000), _LONGEST_LAG)
    return _FRAME.pack(message.kind, message.sequence_nr, lag)


def decode(payload: bytes) -> Message | None:
    """None for bytes that are no such message."""
    if len(payload) != _FRAME.size:
        return None
    kind, sequence_nr, lag = _FRAME.unpack(payload)
    return Message(kind, sequence_nr, lag / 1000) if kind in (PROBE, ANSWER) else None
