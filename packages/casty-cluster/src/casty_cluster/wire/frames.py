"""Frames between nodes: one byte that says what follows, then a header of its own, then a body.

A tell of an actor is `kind | length of path | length of serializer's name | uid | path | name | body`; an ask has the
reply's uid and the seconds that are left to it before the path. Whatever is damaged raises `DecodeError`.
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
"""No answer will come; its body is `FAILURES` index, then the reason as text."""

MAX_PATH: Final = 1_024
"""Bytes of an actor's path."""

_TELL: Final = Struct("!BHBQ")
_ASK: Final = Struct("!BHBQQd")
_ANSWER: Final = Struct("!BBQ")
_NO_ANSWER: Final = Struct("!BBQ")


class Told(NamedTuple):
    """A message for an actor."""

    path: str
    uid: int
    """0: whichever incarnation is alive."""
    serializer: str
    body: bytes


class Asked(NamedTuple):
    """A message for an actor that somebody waits for the answer of."""

    path: str
    uid: int
    reply_uid: int
    seconds: float
    """How long the asker goes on waiting, from when the frame was made."""
    serializer: str
    body: bytes


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


def tell_header(path: str, uid: int, serializer: str) -> bytes:
    """What comes before the body of each message for that actor. Raises ValueError for a path that is too long."""
    place, name = _encoded(path), serializer.encode()
    return _TELL.pack(TELL, len(place), len(name), uid) + place + name


def ask_header(path: str, uid: int, serializer: str, reply_uid: int, seconds: float) -> bytes:
    place, name = _encoded(path), serializer.encode()
    return _ASK.pack(ASK, len(place), len(name), uid, reply_uid, seconds) + place + name


def answer_header(reply_uid: int, serializer: str) -> bytes:
    name = serializer.encode()
    return _ANSWER.pack(ANSWER, len(name), reply_uid) + name


def no_answer(reply_uid: int, failure: int, reason: str) -> bytes:
    return _NO_ANSWER.pack(NO_ANSWER, failure, reply_uid) + reason.encode()


def read_tell(frame: bytes) -> Told:
    try:
        _, place, name, uid = _TELL.unpack_from(frame)
        path, serializer, body = _texts(frame, _TELL.size, place, name)
        return Told(path, uid, serializer, body)
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged tell: {damage}") from None


def read_ask(frame: bytes) -> Asked:
    try:
        _, place, name, uid, reply_uid, seconds = _ASK.unpack_from(frame)
        path, serializer, body = _texts(frame, _ASK.size, place, name)
        return Asked(path, uid, reply_uid, seconds, serializer, body)
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged ask: {damage}") from None


def read_answer(frame: bytes) -> Answered:
    try:
        _, name, reply_uid = _ANSWER.unpack_from(frame)
        _, serializer, body = _texts(frame, _ANSWER.size, 0, name)
        return Answered(reply_uid, serializer, body)
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged answer: {damage}") from None


def read_no_answer(frame: bytes) -> Unanswered:
    try:
        _, failure, reply_uid = _NO_ANSWER.unpack_from(frame)
        return Unanswered(reply_uid, failure, frame[_NO_ANSWER.size :].decode())
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged refusal of an answer: {damage}") from None


def _encoded(path: str) -> bytes:
    place = path.encode()
    if len(place) > MAX_PATH:
        raise ValueError(f"the path of an actor of another node has {len(place)} bytes; at most {MAX_PATH} travel")
    return place


def _texts(frame: bytes, start: int, place: int, name: int) -> tuple[str, str, bytes]:
    body = start + place + name
    if place > MAX_PATH or body > len(frame):
        raise DecodeError(f"its {len(frame)} bytes are fewer than it announces, or its path is too long")
    return frame[start : start + place].decode(), frame[start + place : body].decode(), frame[body:]
