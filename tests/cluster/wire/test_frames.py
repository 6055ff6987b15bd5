"""Frames: headers that are skipped, and damage that is a `DecodeError` wherever it is."""

from contextlib import suppress

import pytest
from casty.errors import DecodeError
from casty_cluster.wire import codec, frames
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.wire.samples import FRAMES

TELL = FRAMES["tell"].frame


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=300), max_size=20))
def test_headers_survive_and_leave_the_frame_as_it_is(headers: dict[str, bytes]) -> None:
    frame = frames.with_headers(headers, TELL)
    assert frames.split_headers(frame) == (headers, TELL)
    assert frames.bare(frame) == TELL


def test_a_frame_without_headers_is_not_wrapped() -> None:
    assert frames.bare(TELL) is TELL


def test_of_a_header_that_comes_twice_the_last_one_counts() -> None:
    packed = b"\1a\0\1x\1a\0\1y"
    frame = bytes((frames.HEADERS,)) + len(packed).to_bytes(2) + packed + TELL
    assert frames.split_headers(frame) == ({"a": b"y"}, TELL)


@pytest.mark.parametrize("headers", [{"x" * 256: b""}, {"x": bytes(65_536)}, {f"{n}": bytes(60_000) for n in range(2)}])
def test_headers_that_are_too_long_are_refused(headers: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="bytes"):
        frames.with_headers(headers, TELL)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\5",
        b"\5\0",
        b"\5\0\0",
        b"\5\0\1" + TELL,
        b"\5\0\4\1a\0\1" + TELL,
        b"\5\0\5\1a\0\2x" + TELL,
        b"\5\0\5\2a\0\1x" + TELL,
        b"\5\0\5\1\xff\0\1x" + TELL,
        b"\5\0\5\1a\0\1x",
        b"\5\0\0" + frames.with_headers({}, TELL),
    ],
)
def test_damaged_headers_are_refused(damaged: bytes) -> None:
    with pytest.raises(DecodeError, match="damaged headers"):
        frames.split_headers(damaged)


@given(st.sampled_from(sorted(FRAMES)), st.data())
def test_damage_is_a_decode_error_or_another_value_and_nothing_else(name: str, drawn: st.DataObject) -> None:
    """Cut off anywhere, or with any byte changed."""
    sample = FRAMES[name]
    place = drawn.draw(st.integers(1, len(sample.frame) - 1))
    changed = sample.frame[:place] + bytes((drawn.draw(st.integers(0, 255)),)) + sample.frame[place + 1 :]
    for damaged in (sample.frame[:place], changed):
        with suppress(DecodeError):
            sample.read(damaged)


def test_unknown_fields_are_skipped_and_a_message_that_is_not_known_is_named() -> None:
    goodbye = codec.dumps(FRAMES["membership"].value)
    newer = goodbye.replace(b"\x81\xa7cluster", b"\x82\xa3new\xc0\xa7cluster")
    assert newer != goodbye
    assert codec.loads(newer) == FRAMES["membership"].value
    with pytest.raises(DecodeError, match=r"unknown message casty\.cluster\.Goodbyy; the peer may be running a newer"):
        codec.loads(goodbye.replace(b"Goodbye", b"Goodbyy"))
