"""Frames: whatever the pieces, what comes out is what went in; what is no frame is refused before it takes room."""

import tracemalloc
from contextlib import suppress
from itertools import batched
from struct import pack

import pytest
from casty_transport_tcp.framing import FrameReader, Kind, data_header, encoded
from casty_transport_tcp.reasons import Ending, Reason
from hypothesis import given
from hypothesis import strategies as st

type Frame = tuple[int, bytes]

LIMIT = 1_000


def data(body: bytes) -> bytes:
    return data_header(len(body)) + body


def read(pieces: list[bytes], limit: int = LIMIT) -> list[Frame]:
    reader = FrameReader(limit)
    return [frame for piece in pieces for frame in reader.feed(piece)]


def read_or_refused(pieces: list[bytes]) -> None:
    """Nothing but an `Ending` is ever raised."""
    with suppress(Ending):
        assert all(kind in list(Kind) and len(body) <= LIMIT for kind, body in read(pieces))


def refusal(octets: bytes, limit: int = LIMIT) -> Reason:
    with pytest.raises(Ending) as raised:
        read([octets], limit)
    return raised.value.reason


@given(st.lists(st.binary(min_size=1, max_size=LIMIT)), st.integers(min_value=1, max_value=3 * LIMIT))
def test_frames_survive_any_cutting(bodies: list[bytes], size: int) -> None:
    stream = b"".join(map(data, bodies)) + encoded(Kind.ping)
    pieces = [bytes(piece) for piece in batched(stream, size)]
    assert read(pieces) == [*((Kind.data, body) for body in bodies), (Kind.ping, b"")]


@given(st.data())
def test_frames_survive_cuts_of_different_sizes(drawn: st.DataObject) -> None:
    bodies = drawn.draw(st.lists(st.binary(min_size=1, max_size=50), min_size=1))
    stream = b"".join(map(data, bodies))
    cuts = sorted(drawn.draw(st.sets(st.integers(min_value=0, max_value=len(stream)))))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(pieces) == [(Kind.data, body) for body in bodies]


@given(st.binary(max_size=200), st.integers(min_value=1, max_value=50))
def test_any_bytes_are_frames_or_refused(octets: bytes, size: int) -> None:
    read_or_refused([bytes(piece) for piece in batched(octets, size)])


@given(st.binary(min_size=1, max_size=100), st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_changed_byte_does_no_more_than_end_the_connection(body: bytes, place: int, value: int) -> None:
    frame = bytearray(data(body))
    frame[place % len(frame)] = value
    read_or_refused([bytes(frame), data(b"next")])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (pack("!IBBB", 0, 1, Kind.data, 0), Reason.garbage),
        (pack("!IBBB", 2, 1, Kind.data, 0), Reason.garbage),
        (pack("!IBBB", 3, 1, Kind.data, 0), Reason.garbage),
        (pack("!IBBB", 3, 1, Kind.close, 0), Reason.garbage),
        (pack("!IBBB", 4, 1, Kind.ping, 0), Reason.garbage),
        (pack("!IBBB", 4, 1, 99, 0), Reason.garbage),
        (pack("!IBBB", 4, 2, Kind.data, 0), Reason.garbage),
        (pack("!IBBB", 4, 1, Kind.data, 1), Reason.garbage),
        (pack("!IBBB", LIMIT + 4, 1, Kind.data, 0), Reason.too_large),
        (pack("!IBBB", 2**32 - 1, 1, Kind.data, 0), Reason.too_large),
        (pack("!IBBB", 2**32 - 1, 1, Kind.hello, 0), Reason.too_large),
        (b"GET / HTTP/1.1\r\n\r\n", Reason.garbage),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", Reason.garbage),
    ],
)
def test_a_header_is_judged_before_its_body_comes(header: bytes, reason: Reason) -> None:
    """However it arrives: at once, byte by byte, or behind a frame that is right."""
    assert refusal(header + b"x") is reason
    with pytest.raises(Ending):
        read([bytes([octet]) for octet in header + b"x"])
    reader = FrameReader(LIMIT)
    frames = reader.feed(data(b"right") + header + b"x")
    assert next(frames) == (Kind.data, b"right")
    with pytest.raises(Ending):
        next(frames)


def test_a_kind_of_a_newer_node_passes_once_the_handshake_is_over() -> None:
    """Also an empty one; what is damaged or too large is refused as ever."""
    unknown = pack("!IBBB", 8, 1, 99, 0) + b"newer", pack("!IBBB", 3, 1, 100, 0)
    reader = FrameReader(LIMIT)
    reader.knows_all_kinds = False
    stream = data(b"one") + b"".join(unknown) + data(b"two")
    frames = [(Kind.data, b"one"), (99, b"newer"), (100, b""), (Kind.data, b"two")]
    assert list(reader.feed(stream)) == frames
    assert [frame for octet in stream for frame in reader.feed(bytes([octet]))] == frames
    for damaged in (pack("!IBBB", 4, 1, 99, 1), pack("!IBBB", LIMIT + 4, 1, 99, 0), pack("!IBBB", 3, 1, Kind.data, 0)):
        with pytest.raises(Ending):
            list(FrameReader(LIMIT).feed(damaged + b"x"))


def test_the_largest_frame_passes() -> None:
    assert read([data(bytes(LIMIT))]) == [(Kind.data, bytes(LIMIT))]


def test_nothing_is_set_aside_for_what_is_announced() -> None:
    """B3. As much as has arrived is kept, and no more."""
    reader = FrameReader(1 << 30)
    tracemalloc.start()
    try:
        assert list(reader.feed(data_header(1 << 30) + bytes(1_000))) == []
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_the_limit_may_change_between_two_frames_of_one_piece() -> None:
    reader = FrameReader(10)
    frames = reader.feed(data(b"welcome") + data(bytes(100)))
    assert next(frames) == (Kind.data, b"welcome")
    reader.limit = 100
    assert next(frames) == (Kind.data, bytes(100))


def test_a_reader_knows_whether_it_is_in_the_middle_of_a_frame() -> None:
    reader = FrameReader(LIMIT)
    assert reader.is_between_frames
    assert list(reader.feed(data(b"whole") + data(b"half")[:-1])) == [(Kind.data, b"whole")]
    assert not reader.is_between_frames
    assert list(reader.feed(b"f")) == [(Kind.data, b"half"[:-1] + b"f")]
    assert reader.is_between_frames
