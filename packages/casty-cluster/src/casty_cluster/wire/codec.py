"""The cluster's own messages as bytes: Casty's types and nothing else, whatever the users' serializer is."""

from typing import Final

from casty.address import PeerAddress
from casty.errors import DecodeError, EncodeError
from casty.member import Member, MemberStatus, NodeId
from casty.serialization import REGISTRY, Limits, MsgpackSerializer

MAX_BYTES: Final = 60 * 1024
"""Of one message: what a frame of the control lane holds at the least."""

# Named here, as the values themselves know nothing of serialization.
for kind, name in (
    (PeerAddress, "casty.PeerAddress"),
    (NodeId, "casty.NodeId"),
    (MemberStatus, "casty.MemberStatus"),
    (Member, "casty.Member"),
):
    REGISTRY.register(kind, name)

_SERIALIZER: Final = MsgpackSerializer(strict=True, limits=Limits(max_payload=MAX_BYTES))


def encode(kind: int, message: object) -> bytes:
    """A frame of that kind. Raises `EncodeError` for a message that is too large."""
    body = _SERIALIZER.dumps(message)
    if len(body) > MAX_BYTES:
        raise EncodeError(f"a {type(message).__name__} of {len(body)} bytes; a control message has at most {MAX_BYTES}")
    return bytes((kind,)) + body


def decode[T](frame: bytes, *expected: type[T]) -> T:
    """The message of a frame. Raises `DecodeError` for anything but one of the expected types."""
    message = _SERIALIZER.loads(frame[1:])
    if not isinstance(message, expected):
        raise DecodeError(f"a {type(message).__name__} where a frame of kind {frame[0]} has none")
    return message
