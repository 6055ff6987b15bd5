"""Frames of the user lane for entities, which are addressed by region, shard and id instead of by an actor's path.

A message is `kind | uid of the receiving node | shard | epoch | uid of its reply | seconds left | length of target |
target | body`, where uid 0 of a reply stands for a tell. The target is the same for all messages to one entity, and
cached as bytes: `length of region | of id | of serializer's name | region | id | name`. A returned message is the same
frame but for its kind and receiver: its sender needs nothing but the frame to send it elsewhere. A flush, and its
reply, is `kind | uid of the receiving node | shard | number | region`.

Each frame names the incarnation that it is for: another process may listen at its address by now.
"""

from struct import Struct, error
from typing import Final, NamedTuple

from casty.errors import DecodeError

from casty_cluster.wire import frames

KINDS: Final = (frames.ENTITY, frames.ENTITY_BOUNCED, frames.SHARD_FLUSH, frames.SHARD_FLUSHED)

_MESSAGE: Final = Struct("!BQIQQdH")
_TARGET: Final = Struct("!HHB")
_RECEIVER: Final = Struct("!BQ")
_FLUSH: Final = Struct("!BQIQ")


class EntityTarget(NamedTuple):
    """The entity that a message is for, and how to read the message."""

    region: str
    entity: str
    serializer: str


class EntityFrame(NamedTuple):
    """A message for an entity, or one that was returned."""

    kind: int
    to: int
    """Uid of the node that it is for."""
    shard: int
    epoch: int
    reply_uid: int
    """0: a tell."""
    seconds: float
    """How long the asker goes on waiting, from when the frame was made."""
    target: bytes
    body: bytes


class FlushFrame(NamedTuple):
    """A flush, or the reply to one."""

    kind: int
    to: int
    shard: int
    number: int
    region: str


def write_target(region: str, entity: str, serializer: str) -> bytes:
    texts = [text.encode() for text in (region, entity, serializer)]
    return _TARGET.pack(*map(len, texts)) + b"".join(texts)


def write_message(to: int, shard: int, epoch: int, reply_uid: int, seconds: float, target: bytes, body: bytes) -> bytes:
    return _MESSAGE.pack(frames.ENTITY, to, shard, epoch, reply_uid, seconds, len(target)) + target + body


def returned(to: int, frame: bytes) -> bytes:
    """The frame of a message as it goes back to its sender."""
    return _RECEIVER.pack(frames.ENTITY_BOUNCED, to) + frame[_RECEIVER.size :]


def write_flush(kind: int, to: int, shard: int, number: int, region: str) -> bytes:
    return _FLUSH.pack(kind, to, shard, number) + region.encode()


def read_message(frame: bytes) -> EntityFrame:
    """Raises `DecodeError`."""
    try:
        kind, to, shard, epoch, reply_uid, seconds, length = _MESSAGE.unpack_from(frame)
    except error as damage:
        raise DecodeError(f"a damaged message for an entity: {damage}") from None
    end = _MESSAGE.size + length
    if end > len(frame):
        raise DecodeError(f"a message for an entity has {len(frame)} bytes, fewer than it announces")
    return EntityFrame(kind, to, shard, epoch, reply_uid, seconds, frame[_MESSAGE.size : end], frame[end:])


def read_target(target: bytes) -> EntityTarget:
    """The target in bytes that `read_message` has returned. Raises `DecodeError`."""
    try:
        region, entity, name = _TARGET.unpack_from(target)
        texts = target[_TARGET.size :]
        if len(texts) != region + entity + name:
            raise DecodeError(f"a damaged target: its names have {len(texts)} bytes, and others are announced")
        return EntityTarget(
            texts[:region].decode(), texts[region : region + entity].decode(), texts[region + entity :].decode()
        )
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged target: {damage}") from None


def read_flush(frame: bytes) -> FlushFrame:
    """Raises `DecodeError`."""
    try:
        return FlushFrame._make((*_FLUSH.unpack_from(frame), frame[_FLUSH.size :].decode()))
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged flush: {damage}") from None
