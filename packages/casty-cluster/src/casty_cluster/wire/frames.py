"""Frames between nodes: one byte that says what follows, then a header of its own, then a body.

A message for an actor names its *target*: the actor's uid and path, and the serializer that wrote the body. It is the
same for all messages of one reference, so both sides keep it as they have it: `length of path | length of serializer's
name | uid | path | name`. A tell is `kind | target | body`, an ask `kind | uid of its reply | seconds left | target |
body`. Whatever is damaged raises `DecodeError`.
"""

from struct import Struct, error
from typing import Final, NamedTuple

from casty.errors import DecodeError

MEMBERSHIP: Final = 1
DETECTOR: Final = 2
SYSTEM: Final = 3
"""Numbered messages that are repeated until they are acknowledged."""
TELL: Final = 16
ASK: Final = 17
ANSWER: Final = 18
"""To the uid of an ask's reply reference."""
NO_ANSWER: Final = 19
"""No answer will come; its body says which kind of failure it is, and the reason as text."""

MAX_PATH: Final = 1_024
"""Bytes of an actor's path."""

_TARGET: Final = Struct("!HBQ")
_ASK: Final = Struct("!BQd")
_ANSWER: Final = Struct("!BBQ")
_NO_ANSWER: Final = Struct("!BBQ")
_TELL: Final = bytes((TELL,))


class Target(NamedTuple):
    """Whom a message is for."""

    path: str
    uid: int
    """0: whichever incarnation is alive."""
    serializer: str


class Asked(NamedTuple):
    """What is before an ask's target."""

    reply_uid: int
    seconds: float
    """How long the asker goes on waiting, from when the frame was made."""


class Answered(NamedTuple):
    """The answer to an ask."""

    reply_uid: int
    serializer: str
    body: bytes


class Unanswered(NamedTuple):
    """An ask that nobody will answer."""

    reply_uid: int
    failure: int
    reason: str


def write_target(path: str, uid: int, serializer: str) -> bytes:
    """Raises ValueError for a path that is too long."""
    place, name = path.encode(), serializer.encode()
    if len(place) > MAX_PATH:
        raise ValueError(f"the path of an actor of another node has {len(place)} bytes; at most {MAX_PATH} travel")
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
    """Of bytes that `split` answered."""
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
        raise DecodeError(f"a damaged refusal of an answer: {damage}") from None
