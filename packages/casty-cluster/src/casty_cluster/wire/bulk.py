"""Messages of bulk transfers: states that are too large for a system message, in chunks, over the control lane.

Each message names the incarnation that it is for by its uid, and the transfer by its number: the sender numbers its
transfers to one receiver from 1.
"""

from typing import Final, NamedTuple

from casty.serialization import message

CHUNK: Final = 32 * 1024
"""Bytes of all chunks but the last one: so few that other frames of the lane do not wait long behind one."""


@message("casty.bulk.Offer")
class Offer(NamedTuple):
    """The sender wants to start this transfer, or to resume it: reply with `Granted` or `Ended`."""

    to: int
    transfer: int
    kind: str
    """The feature's name for what is transferred."""
    size: int
    """In bytes."""


@message("casty.bulk.Granted")
class Granted(NamedTuple):
    """The receiver has the bytes before `received`, and has room for those before `limit`."""

    to: int
    transfer: int
    received: int
    limit: int


@message("casty.bulk.Chunk")
class Chunk(NamedTuple):
    """The bytes from `start` on."""

    to: int
    transfer: int
    start: int
    checksum: int
    """CRC-32 of all bytes of the transfer up to the end of this chunk."""
    data: bytes


@message("casty.bulk.Cancel")
class Cancel(NamedTuple):
    """The sender has cancelled this transfer: discard it, and reply with `Ended`."""

    to: int
    transfer: int


@message("casty.bulk.Ended")
class Ended(NamedTuple):
    """The receiver has delivered this transfer as a whole, or has discarded it."""

    to: int
    transfer: int
    error: str = ""
    """Why it was discarded; empty if it was delivered."""


type ToReceiver = Offer | Chunk | Cancel
type ToSender = Granted | Ended
