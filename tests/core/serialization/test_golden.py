"""Bytes that were written once are read for ever: entries of `golden/` are added, never changed."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from casty.serialization import MsgpackSerializer

from tests.core.serialization.samples import AN_ORDER, Box, Cents, Color, Item, Level, Point, Rights, a_ref

GOLDEN = Path(__file__).parent / "golden" / "msgpack-1.json"

EXPECTED: dict[str, object] = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, -1, 127, -33, 2**63, 2**64 - 1, -(2**63)],
    "big ints": [2**64, -(2**63) - 1, 2**100, -(2**100)],
    "floats": [0.5, float("inf")],
    "text": ["", "ü", "x" * 40],
    "bytes": [b"", b"\x00\xff"],
    "containers": [[], (), set[int](), frozenset[int](), {}, [1], (1,), {1}, frozenset({1})],
    "dict of text": {"a": 1, b"b": 2},
    "dict of anything": {1: "one", (2, 3): [4], None: None},
    "decimals": [Decimal("1.10"), Decimal("-Infinity")],
    "moments": [
        datetime(2024, 2, 29, 23, 59, 59, 999999),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        datetime(2024, 10, 27, 2, 30, fold=1),
    ],
    "dates and times": [date(2024, 2, 29), time(12, 30), time(1, 2, 3, 4, tzinfo=UTC), timedelta(-1, 2, 3)],
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "ref": a_ref(),
    "enums": [Color.RED, Level.HIGH, Rights.READ | Rights.WRITE],
    "named tuple": Point(1, 2),
    "dataclass": Item("pen", Cents(120), frozenset({"blue"})),
    "generic dataclass": Box({"deep": Box(1)}),
    "order": AN_ORDER,
}


def read_golden() -> dict[str, dict[str, str | int]]:
    return json.loads(GOLDEN.read_text("ascii"))


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_bytes_decode(name: str) -> None:
    entry = read_golden()[name]
    serializer = MsgpackSerializer()
    value = serializer.loads(bytes.fromhex(str(entry["dumps"])))
    assert value == EXPECTED[name]
    assert repr(value) == repr(EXPECTED[name])
    assert (
        serializer.decode(str(entry["manifest"]), int(entry["version"]), bytes.fromhex(str(entry["payload"])))
        == (EXPECTED[name])
    )


def test_every_entry_is_tested() -> None:
    assert set(read_golden()) == set(EXPECTED)
