"""The cluster's own messages as bytes: Casty's types and nothing else, whatever the users' serializer is."""

from typing import Final

from casty.address import PeerAddress
from casty.errors import DecodeError, EncodeError, UnknownManifestError
from casty.member import Member, MemberStatus, NodeId
from casty.printable import printable
from casty.serialization import REGISTRY, Limits, MsgpackSerializer

MAX_BYTES: Final = 60 * 1024
"""Of one message: what a frame of the control lane holds at the least."""

VALUES: Final = (PeerAddress, NodeId, MemberStatus, Member)
"""Values of the core that messages contain. They are named here, since they know nothing of serialization."""

for kind in VALUES:
    REGISTRY.register(kind, f"casty.{kind.__name__}")

_SERIALIZER: Final = MsgpackSerializer(strict=True, limits=Limits(max_payload=MAX_BYTES))


def dumps(message: object) -> bytes:
    """Raises `EncodeError` for a message that is too large."""
    body = _SERIALIZER.dumps(message)
    if len(body) > MAX_BYTES:
        raise EncodeError(f"a {type(message).__name__} of {len(body)} bytes; a control message has at most {MAX_BYTES}")
    return body


def loads(body: bytes) -> object:
    """Raises `DecodeError` for damaged bytes, and for a message that this node does not know.

    Fields that this node does not know are skipped, and those with defaults may be missing.
    """
    try:
        return _SERIALIZER.loads(body)
    except UnknownManifestError as error:
        raise DecodeError(
            f"unknown message {printable(error.manifest)}; the peer may be running a newer version of Casty, or a "
            "cluster feature that this node does not have"
        ) from None


def encode(kind: int, message: object) -> bytes:
    """A frame of that kind. Raises `EncodeError` for a message that is too large."""
    return bytes((kind,)) + dumps(message)


def decode[T](frame: bytes, *expected: type[T]) -> T:
    """The message of a frame. Raises `DecodeError` for anything but one of the expected types."""
    message = loads(frame[1:])
    if not isinstance(message, expected):
        raise DecodeError(f"a {type(message).__name__}, which a frame of kind {frame[0]} cannot contain")
    return message
