"""Bounds: the same for writing and reading, checked before memory is given away (X3)."""

import tracemalloc
from typing import Any

import pytest
from casty.errors import DecodeError, EncodeError
from casty.serialization import Limits, MsgpackSerializer
from casty.serialization.packing import extension, pack

from tests.core.serialization.samples import Box

SMALL = MsgpackSerializer(limits=Limits(max_payload=1000, max_items=100, max_depth=5))
DEFAULT = MsgpackSerializer()
MIB = 1024 * 1024


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(("value", "bound"), [(b"x" * 1001, "max_payload=1000"), ([1] * 101, "max_items=100")])
def test_too_large_is_refused_both_ways(value: object, bound: str) -> None:
    with pytest.raises(EncodeError, match=bound):
        SMALL.dumps(value)
    with pytest.raises(DecodeError):
        SMALL.loads(DEFAULT.dumps(value))


def test_what_just_fits_goes_both_ways() -> None:
    for value in (b"x" * 997, [1] * 100, [[1] * 9] * 10, dict.fromkeys("abc", 1), nested(5)):
        assert SMALL.loads(SMALL.dumps(value)) == value


def test_items_are_counted_over_all_containers() -> None:
    value = [[1] * 9] * 11
    with pytest.raises(EncodeError, match="max_items=100"):
        SMALL.dumps(value)
    with pytest.raises(DecodeError, match="more values than max_items allows: 100"):
        SMALL.loads(pack(value))
    with pytest.raises(DecodeError, match="more values than max_items allows: 100"):
        SMALL.loads(pack([{str(key): 1 for key in range(9)}] * 6))


@pytest.mark.parametrize("tree", [nested(6), [{"a": nested(4)}], [extension(0, b"t"), nested(5)]])
def test_depth_is_bounded_when_reading(tree: object) -> None:
    with pytest.raises(DecodeError, match="deeper than max_depth allows: 5"):
        SMALL.loads(pack(tree))


@pytest.mark.parametrize("value", [nested(6), {1: nested(5)}, (nested(5),), Box(nested(5))], ids=repr)
def test_depth_is_bounded_when_writing(value: object) -> None:
    with pytest.raises(EncodeError, match="deeper than 5 containers, or contains itself; flatten it"):
        SMALL.encode(value)


def test_cycles_end_at_the_depth() -> None:
    cycle: list[Any] = []
    cycle.append({"again": cycle})
    box: Box[Any] = Box(None)
    box.content = [box]
    for value in (cycle, box):
        with pytest.raises(EncodeError, match=f"cannot encode {type(value).__name__}: it nests deeper than 64"):
            DEFAULT.encode(value)


@pytest.mark.parametrize(
    "header",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x02",
    ],
    ids=["array", "map", "bin", "str", "ext"],
)
def test_an_announced_4_gib_is_refused_before_anything_is_allocated(header: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            DEFAULT.loads(header)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "element", [b"\x90", b"\x80", b"\xd4\x021", b"\x91\x90"], ids=["list", "dict", "Decimal", "lists"]
)
def test_a_payload_of_the_greatest_size_makes_no_more_than_its_share_of_objects(element: bytes) -> None:
    row = b"\xdc\xff\xff" + element * 0xFFFF
    rows = MIB // len(row) - 1
    payload = b"\xdc" + rows.to_bytes(2, "big") + row * rows
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="more values than max_items allows"):
            DEFAULT.loads(payload)
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    finally:
        tracemalloc.stop()


def test_a_large_payload_may_not_announce_more_than_max_items_either() -> None:
    payload = b"\xdd\x00\x03\x00\x00" * 900 + bytes(MIB - 4500)
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="exceeds max_array_len"):
            DEFAULT.loads(payload)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_100_000_levels_are_refused() -> None:
    for level in (b"\x91", b"\x81\xa1a", b"\x92\xd4\x00t"):
        with pytest.raises(DecodeError):
            DEFAULT.loads(level * 100_000)


def test_keys_of_one_hash_are_refused_both_ways() -> None:
    colliding = {(2**61 - 1) * factor for factor in range(1, 1200)}
    with pytest.raises(EncodeError, match="have the same hash"):
        DEFAULT.encode(colliding)
    with pytest.raises(EncodeError, match="have the same hash"):
        DEFAULT.encode(dict.fromkeys(colliding, 0))
    with pytest.raises(DecodeError, match="have the same hash"):
        DEFAULT.loads(pack([extension(0, b"s"), *colliding]))
    many = set(range(10_000))
    assert DEFAULT.loads(DEFAULT.dumps(many)) == many


def test_a_long_address_is_refused() -> None:
    with pytest.raises(DecodeError, match="2049 bytes; at most 2048 travel"):
        DEFAULT.loads(pack(extension(8, b"casty://s/" + b"x" * 2039)))


@pytest.mark.parametrize("bounds", [{"max_depth": 129}, {"max_depth": 0}, {"max_items": 0}, {"max_payload": -1}])
def test_bounds_that_make_no_sense_are_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(bounds))):
        Limits(**bounds)
