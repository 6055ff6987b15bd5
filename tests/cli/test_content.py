"""What is in stored values is shown without their types."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgpack
import pytest
from casty import message
from casty.errors import DecodeError
from casty.serialization import MsgpackSerializer
from casty_cli.content import content


@message("cli.test.Colour")
class Colour(Enum):
    red = 1


@message("cli.test.Point")
class Point(NamedTuple):
    x: int
    y: int


@message("cli.test.Order", version=3)
@dataclass(frozen=True)
class Order:
    colour: Colour
    points: tuple[Point, ...] = ()
    more: dict[Any, Any] = field(default_factory=dict[Any, Any])
    some: frozenset[Point] = frozenset()


SERIALIZER = MsgpackSerializer()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (1.5, 1.5),
        (float("inf"), "inf"),
        ("grün", "grün"),
        (b"\x00\xff", "0x00ff"),
        ([1, (2, 3)], [1, [2, 3]]),
        ({1}, [1]),
        ({"a": b"b"}, {"a": "0x62"}),
        ({1: "a", (2, 3): "b"}, {"1": "a", "[2, 3]": "b"}),
        (Decimal("1.10"), "1.10"),
        (date(2001, 2, 3), "2001-02-03"),
        (datetime(2001, 2, 3, tzinfo=UTC), "2001-02-03 00:00:00+00:00"),
        (timedelta(seconds=90), "0:01:30"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.red, "red"),
        (Point(1, 2), {"x": 1, "y": 2}),
        (
            Order(Colour.red, (Point(1, 2),), {Colour.red: 1}, frozenset({Point(3, 4)})),
            {
                "colour": {"$type": "cli.test.Colour v1", "is": "red"},
                "points": [{"$type": "cli.test.Point v1", "x": 1, "y": 2}],
                "more": {'{"$type": "cli.test.Colour v1", "is": "red"}': 1},
                "some": [{"$type": "cli.test.Point v1", "x": 3, "y": 4}],
            },
        ),
    ],
    ids=repr,
)
def test_a_value_is_shown(value: object, shown: object) -> None:
    assert content(SERIALIZER.encode(value).payload) == shown


def test_an_unknown_type_is_no_obstacle() -> None:
    named = cast(Any, msgpack).packb([cast(Any, msgpack).ExtType(0, b"n"), "gone.Type", 7, {"a": 1}])
    assert content(named) == {"$type": "gone.Type v7", "a": 1}


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x81\xa1a", b"\xc7\x01\x63x"])
def test_damaged_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        content(payload)
