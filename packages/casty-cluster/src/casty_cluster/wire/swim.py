"""Messages of the failure detector `swim`, as bytes. Nodes are named by their uids: the receiver knows the members."""

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

LONGEST_PAYLOAD: Final = 1024

_HEAD: Final = Struct("!4sBQQ")
_RUMOUR: Final = Struct("!BQIQ")
_TAG: Final = b"swim"

HIGHEST_INCARNATION: Final = 2**31
"""No node has been accused that often: a message with a higher number is dropped."""

ROOM: Final = (LONGEST_PAYLOAD - _HEAD.size) // _RUMOUR.size
"""Rumours that fit into a message."""


class Kind(IntEnum):
    """The purpose of a message. Each carries rumours as well."""

    ping = 1
    ping_request = 2
    """A ping that the receiver is to send to `target`."""
    ack = 3
    nack = 4
    """The receiver of a ping request is there, but `target` has not answered it yet."""
    gossip = 5


class Claim(IntEnum):
    """The state of a rumour's subject."""

    alive = 1
    suspect = 2
    dead = 3


class Rumour(NamedTuple):
    """The claim of one node about one incarnation of another one."""

    claim: Claim
    subject: int
    incarnation: int
    """Counted up by the subject alone, whenever it refutes a rumour."""
    accuser: int


class Message(NamedTuple):
    """`sequence_nr` is the asker's, and comes back in an ack or nack; `target` is 0 where it is the receiver."""

    kind: Kind
    sequence_nr: int
    target: int = 0
    rumours: Sequence[Rumour] = ()


def encode(message: Message) -> bytes:
    """Raises `struct.error` for numbers out of range."""
    head = _HEAD.pack(_TAG, message.kind, message.sequence_nr, message.target)
    return head + b"".join(_RUMOUR.pack(*rumour) for rumour in message.rumours)


def decode(payload: bytes) -> Message | None:
    """None for bytes that are no such message."""
    if len(payload) < _HEAD.size or (len(payload) - _HEAD.size) % _RUMOUR.size:
        return None
    tag, kind, sequence_nr, target = _HEAD.unpack_from(payload)
    if tag != _TAG:
        return None
    try:
        rumours = [
            Rumour(Claim(claim), subject, incarnation, accuser)
            for claim, subject, incarnation, accuser in _RUMOUR.iter_unpack(payload[_HEAD.size :])
        ]
        message = Message(Kind(kind), sequence_nr, target, rumours)
    except ValueError:
        return None
    return message if all(rumour.incarnation <= HIGHEST_INCARNATION for rumour in rumours) else None
