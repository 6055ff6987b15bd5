"""Bytes into frames and back. Sans-IO: a reader buffers at most the beginning of one frame.

A frame is `u32 length | u8 version | u8 kind | u8 flags | body`, big-endian; the length counts everything after itself.
A header is checked as soon as it is complete, and nothing is allocated for its length: memory grows with what has
arrived. `version` is that of this layout. Flags are 0: a flag would change how the body is read, so a frame with one
ends the connection. Kinds that are not in `Kind` are for newer nodes: during the handshake one ends the connection,
afterwards it is skipped.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, final

from casty_transport_tcp.reasons import Ending, Reason

VERSION: Final = 1
_HEADER: Final = Struct("!IBBB")
_COUNTED: Final = 3
"""Bytes of the header that the length counts."""
_TLS: Final = 0x1603
"""The first bytes of TLS."""


class Kind(IntEnum):
    """The purpose of a frame."""

    hello = 1
    challenge = 2
    proof = 3
    welcome = 4
    close = 5
    """Its first byte is a `Reason`; a reason may put more behind it. Before the welcome, it is a rejection."""
    ping = 6
    """Empty: the sender is alive and has nothing else to send."""
    data = 16


_KINDS: Final = frozenset(int(kind) for kind in Kind)
_DATA: Final = int(Kind.data)
_PING: Final = int(Kind.ping)


def encoded(kind: Kind, body: bytes = b"") -> bytes:
    """A whole frame."""
    return _HEADER.pack(len(body) + _COUNTED, VERSION, kind, 0) + body


def data_frames(bodies: Sequence[bytes]) -> bytes:
    """Data frames with these bodies."""
    parts: list[bytes] = []
    add, known, small = parts.append, _SMALL_HEADERS, len(_SMALL_HEADERS)
    for body in bodies:
        size = len(body)
        add(known[size] if size < small else data_header(size))
        add(body)
    return b"".join(parts)


def data_header(size: int) -> bytes:
    """The header of a data frame whose body has `size` bytes."""
    return _HEADER.pack(size + _COUNTED, VERSION, _DATA, 0)


_SMALL_HEADERS: Final = tuple(map(data_header, range(1024)))
"""Looking a header up is faster than packing it, and most frames are small."""


@final
class FrameReader:
    """Takes a connection's bytes in any pieces."""

    __slots__ = ("_begun", "knows_all_kinds", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Bytes of a frame's body; it may change between two frames."""
        self.knows_all_kinds = True
        """Whether a kind that is not in `Kind` raises; it may change between two frames."""
        self._begun = bytearray()

    @property
    def is_between_frames(self) -> bool:
        return not self._begun

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames that end in this piece, as kind and body. Raises `Ending` for a damaged or too large one.

        The reader may be used again once all of them have been taken.
        """
        header, judge = _HEADER.size, self._judge
        unpack = _HEADER.unpack_from
        at, end = 0, len(data)
        if self._begun:
            at, frame = self._complete(data)
            if frame is None:
                return
            yield frame
        while at + header <= end:
            length, version, kind, flags = unpack(data, at)
            if kind != _DATA or version != VERSION or flags or not 0 < length - _COUNTED <= self.limit:
                judge(length, version, kind, flags)
            start = at + header
            stop = start + length - _COUNTED
            if stop > end:
                break
            yield kind, data[start:stop]
            at = stop
        if at < end:
            self._begun += data[at:]

    def _complete(self, data: bytes) -> tuple[int, tuple[int, bytes] | None]:
        """Where the next frame starts, and the frame that an earlier piece began, if it ends in this piece."""
        begun = self._begun
        at = max(0, _HEADER.size - len(begun))
        begun += data[:at]
        if len(begun) < _HEADER.size:
            return at, None
        length, version, kind, flags = _HEADER.unpack_from(begun)
        self._judge(length, version, kind, flags)
        missing = _HEADER.size - _COUNTED + length - len(begun)
        begun += data[at : at + missing]
        if len(data) < at + missing:
            return at, None
        body = bytes(memoryview(begun)[_HEADER.size :])
        self._begun = bytearray()
        return at + missing, (kind, body)

    def _judge(self, length: int, version: int, kind: int, flags: int) -> None:
        if length >> 16 == _TLS:
            raise Ending(Reason.garbage, "the peer speaks TLS, and this node does not; both need a URL of tls://")
        is_known = kind in _KINDS
        if version != VERSION or flags or (self.knows_all_kinds and not is_known):
            raise Ending(Reason.garbage, f"a header with version {version}, kind {kind} and flags {flags}")
        size = length - _COUNTED
        if size < 0 or (is_known and (size == 0) != (kind == _PING)):
            raise Ending(Reason.garbage, f"a frame of kind {kind} with the length {length}")
        if size > self.limit:
            raise Ending(Reason.too_large, f"{size} bytes were announced, {self.limit} are allowed")
