"""Frames of the user lane between the copies of replicated shards.

A frame is `kind | shard | length of region | of sender | of receiver | region | sender | receiver | message`. It names
copies, and not the nodes that keep them: a copy stays the same one when its node restarts. A message is one of
`wire.replication`; what is too large for a frame goes by a bulk transfer, as the same bytes.
"""

from struct import Struct, error
from typing import Any, Final, NamedTuple, cast, get_args

from casty.errors import DecodeError, UnknownManifestError
from casty.printable import printable
from casty.serialization import Limits, MsgpackSerializer

from casty_cluster.wire import frames
from casty_cluster.wire.appends import from_flat, to_flat
from casty_cluster.wire.replication import Acknowledge, CopyId, Replicate, ToPrimary, ToReplica

KINDS: Final = (frames.COPY,)
MESSAGES: Final[tuple[type, ...]] = (*get_args(ToReplica.__value__), *get_args(ToPrimary.__value__))
MAX_BYTES: Final = 512 << 20
"""Of a message: as much as a bulk transfer may have."""
SERIALIZER: Final = MsgpackSerializer(strict=True, limits=Limits(max_payload=MAX_BYTES, max_items=1 << 24))
"""Writes these messages, and what copies store: an event that its entity may have is never too large for its copies."""

_HEADER: Final = Struct("!BIHHH")


class CopyFrame(NamedTuple):
    """A message between two copies, which is not read yet."""

    region: str
    shard: int
    sender: CopyId
    to: CopyId
    body: bytes


def write_copy_frame(region: str, shard: int, sender: CopyId, to: CopyId, message: ToReplica | ToPrimary) -> bytes:
    texts = [text.encode() for text in (region, sender, to)]
    body = to_flat(message) if isinstance(message, Replicate | Acknowledge) else message
    return _HEADER.pack(frames.COPY, shard, *map(len, texts)) + b"".join(texts) + SERIALIZER.dumps(body)


def read_copy_frame(frame: bytes) -> CopyFrame:
    """Raises `DecodeError`."""
    try:
        _, shard, *lengths = _HEADER.unpack_from(frame)
        texts, at = list[str](), _HEADER.size
        for length in lengths:
            texts.append(frame[at : at + length].decode())
            at += length
    except (error, UnicodeDecodeError) as damage:
        raise DecodeError(f"a damaged message between copies: {damage}") from None
    if at > len(frame):
        raise DecodeError(f"a message between copies has {len(frame)} bytes, fewer than it announces")
    region, sender, to = texts
    return CopyFrame(region, shard, sender, to, frame[at:])


def read_copy_message(frame: CopyFrame) -> ToReplica | ToPrimary:
    """Raises `DecodeError`."""
    try:
        message = SERIALIZER.loads(frame.body)
    except UnknownManifestError as unknown:
        raise DecodeError(
            f"unknown message {printable(unknown.manifest)} between copies; the peer may run a newer version of Casty"
        ) from None
    if type(message) is list:
        return from_flat(cast("list[Any]", message))
    if not isinstance(message, MESSAGES):
        raise DecodeError(f"a {type(message).__name__}, which copies do not send each other")
    return cast("ToReplica | ToPrimary", message)
