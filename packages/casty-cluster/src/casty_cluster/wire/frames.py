"""Frames between nodes: one byte for the kind of frame, then a header of that kind, then a body.

A message for an actor names its *target*: the actor's uid and path, and the serializer that wrote the body. It is the
same for all messages of one reference, so both sides cache its bytes: `length of path | length of serializer's name |
uid | path | name`. A tell is `kind | target | body`, an ask `kind | uid of its reply | seconds left | target | body`.

Any frame may be wrapped in a frame of kind `HEADERS`, which carries what concerns all kinds alike, such as a trace:
`kind | length of all headers | (length of name | name | length of value | value)* | frame`. A receiver skips headers
that it does not know. A frame without headers is not wrapped, and costs nothing.

Damaged frames raise `DecodeError`.
"""

from collections.abc import Mapping
from struct import Struct, error
from typing import Final, NamedTuple

from casty.errors import DecodeError

MEMBERSHIP: Final = 1
DETECTOR: Final = 2
SYSTEM: Final = 3
"""Numbered messages that are repeated until they are acknowledged."""
BULK: Final = 4
"""Messages of bulk transfers, most of them chunks of large states."""
HEADERS: Final = 5
"""Headers, and the frame that they belong to."""
CLIENT: Final = 6
"""Messages between a client and a node that concern their connection, and look-ups."""
TELL: Final = 16
ASK: Final = 17
ANSWER: Final = 18
"""To the uid of an ask's reply reference."""
NO_ANSWER: Final = 19
"""No reply will come; its body is the index of an error and its text."""
ENTITY: Final = 20
"""A message for an entity of a shard, see `wire.entities`."""
ENTITY_BOUNCED: Final = 21
"""Such a message, returned by a node that does not accept it."""
SHARD_FLUSH: Final = 22
"""Asks for a reply behind all that was returned."""
SHARD_FLUSHED: Final = 23
COPY: Final = 24
"""A message between two copies of a replicated shard, see `wire.copies`."""

KINDS: Final[Mapping[int, str]] = {
    MEMBERSHIP: "membership",
    DETECTOR: "detector",
    SYSTEM: "system",
    BULK: "bulk transfer",
    HEADERS: "headers",
    CLIENT: "client",
    TELL: "tell",
    ASK: "ask",
    ANSWER: "answer",
    NO_ANSWER: "no answer",
    ENTITY: "message for an entity",
    ENTITY_BOUNCED: "returned message for an entity",
    SHARD_FLUSH: "flush of a shard",
    SHARD_FLUSHED: "reply to the flush of a shard",
    COPY: "message between copies of a shard",
}
"""All kinds. A number is never reused for something else. Those below `TELL` belong to the cluster itself."""

MAX_PATH: Final = 8_192
"""Bytes of an actor's path. The id of an entity may have 2,500 bytes, each of which may take three in a path."""

_TARGET: Final = Struct("!HBQ")
_ASK: Final = Struct("!BQd")
_ANSWER: Final = Struct("!BBQ")
_NO_ANSWER: Final = Struct("!BBQ")
_TELL: Final = bytes((TELL,))
_HEADERS: Final = Struct("!BH")
_NAME: Final = Struct("!B")
_VALUE: Final = Struct("!H")


class Target(NamedTuple):
    """The actor that a message is for, and how to read the message."""

    path: str
    uid: int
    """0: whichever incarnation is alive."""
    serializer: str


class Asked(NamedTuple):
    """What precedes an ask's target."""

    reply_uid: int
    seconds: float
    """How long the asker goes on waiting, from when the frame was made."""


class Answered(NamedTuple):
    """The reply to an ask."""

    reply_uid: int
    serializer: str
    body: bytes


class Unanswered(NamedTuple):
    """The failure of an ask."""

    reply_uid: int
    failure: int
    reason: str


def unknown(kind: int) -> DecodeError:
    """The error for a frame of a kind that this node does not know. Such a frame is skipped."""
    return DecodeError(f"unknown frame kind {kind}; the peer may be running a newer version of Casty")


def with_headers(headers: Mapping[str, bytes], frame: bytes) -> bytes:
    """Wrap a frame. Raises ValueError for headers that are too long."""
    parts: list[bytes] = []
    for name, value in headers.items():
        encoded = name.encode()
        if len(encoded) > 0xFF or len(value) > 0xFFFF:
            raise ValueError(f"the header {name[:40]!r} is too long: a name has at most 255 bytes, a value 65,535")
        parts += (_NAME.pack(len(encoded)), encoded, _VALUE.pack(len(value)), value)
    packed = b"".join(parts)
    if len(packed) > 0xFFFF:
        raise ValueError(f"all headers of a frame have at most 65,535 bytes; these have {len(packed)}")
    return _HEADERS.pack(HEADERS, len(packed)) + packed + frame


def split_headers(frame: bytes) -> tuple[Mapping[str, bytes], bytes]:
    """The headers of a wrapped frame, and the frame."""
    headers: dict[str, bytes] = {}
    try:
        _, length = _HEADERS.unpack_from(frame)
        at, end = _HEADERS.size, _HEADERS.size + length
        while at < end:
            start = at + _NAME.size
            stop = start + frame[at]
            (size,) = _VALUE.unpack_from(frame, stop)
            at = stop + _VALUE.size + size
            headers[frame[start:stop].decode()] = frame[stop + _VALUE.size : at]
    except (error, IndexError, UnicodeDecodeError) as damage:
        raise DecodeError(f"damaged headers: {damage}") from None
    if at != end or end >= len(frame):
        raise DecodeError(f"damaged headers: they end at {at} of {len(frame)} bytes, not at {end}")
    if frame[end] == HEADERS:
        raise DecodeError("damaged headers: they contain headers")
    return headers, frame[end:]


def bare(frame: bytes) -> bytes:
    """The frame without its headers, if it has any."""
    return split_headers(frame)[1] if frame[0] == HEADERS else frame


def write_target(path: str, uid: int, serializer: str) -> bytes:
    """Raises ValueError for a path that is too long."""
    place, name = path.encode(), serializer.encode()
    if len(place) > MAX_PATH:
        raise ValueError(f"the path of an actor of another node has {len(place)} bytes; at most {MAX_PATH} can be sent")
    return _TARGET.pack(len(place), len(name), uid) + place + name


def tell(target: bytes, body: bytes) -> bytes:
    return _TELL + target + body


def ask(target: bytes, reply_uid: int, seconds: float, body: bytes) -> bytes:
    return _ASK.pack(ASK, reply_uid, seconds) + target + body


def answer(reply_uid: int, serializer: bytes, body: bytes) -> bytes:
    return _ANSWER.pack(ANSWER, len(serializer), reply_uid) + serializer + body


def no_answer(reply_uid: int, failure: int, reason: str) -> bytes:
    return _NO_ANSWER.pack(NO_ANSWER, failure, reply_uid) + reason.encode()


def split(frame: bytes) -> tuple[bytes, bytes]:
    """The target, not yet read, and the body of a tell or an ask."""
    start = _ASK.size if frame[0] == ASK else 1
    try:
        place, name, _ = _TARGET.unpack_from(frame, start)
    except error as damage:
        raise DecodeError(f"a damaged message: {damage}") from None
    end = start + _TARGET.size + place + name
    if place > MAX_PATH or end > len(frame):
        raise DecodeError(f"its {len(frame)} bytes are fewer than it announces, or its path is too long")
    return frame[start:end], frame[end:]


def read_target(target: bytes) -> Target:
    """The target in bytes that `split` has returned."""
    place, _, uid = _TARGET.unpack_from(target)
    texts = target[_TARGET.size :]
    try:
        return Target(texts[:place].decode(), uid, texts[place:].decode())
    except UnicodeDecodeError as damage:
        raise DecodeError(f"a damaged target: {damage}") from None


def read_asked(frame: bytes) -> Asked:
    try:
        _, reply_uid, seconds = _ASK.unpack_from(frame)
        return Asked(reply_uid, seconds)
    except error as damage:
        raise DecodeError(f"a damaged ask: {damage}") from None


def read_answer(frame: bytes) -> Answered:
    try:
        _, name, reply_uid = _ANSWER.unpack_from(frame)
        end = _ANSWER.size + name
        return Answered(reply_uid, frame[_ANSWER.size : end].decode(), frame[end:])
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged answer: {damage}") from None


def read_no_answer(frame: bytes) -> Unanswered:
    try:
        _, failure, reply_uid = _NO_ANSWER.unpack_from(frame)
        return Unanswered(reply_uid, failure, frame[_NO_ANSWER.size :].decode())
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged failure of an ask: {damage}") from None
