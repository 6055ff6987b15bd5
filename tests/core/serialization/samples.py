"""Types that the tests send about: one of every kind that may travel."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from typing import Any, Literal, NamedTuple, NewType

from casty import address, ref
from casty.serialization import message

Cents = NewType("Cents", int)

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None


class Color(Enum):
    RED = "red"
    GREEN = object()


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Rights(Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int = 0


@message("samples.Item")
@dataclass(frozen=True, slots=True)
class Item:
    name: str
    price: Cents
    tags: frozenset[str] = frozenset()


@dataclass
class Box[T]:
    content: T


@message("samples.Order", version=3)
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    id: str
    items: list[Item] = field(default_factory=list[Item])
    total: Decimal | None = None
    color: Color = Color.RED
    where: tuple[Point, ...] = ()
    status: Literal["open", "closed"] = "open"
    placed: datetime | None = None
    extra: Any = None
    notes: Json = None
    reply_to: ref.ActorRef[str] | None = None
    size: int = field(init=False, default=0)


def a_ref(path: str = "/user/orders/o-1") -> ref.DetachedRef[str]:
    return ref.DetachedRef(
        address.ActorAddress(system="shop", path=path, host="Node-A", port=2551, node_id="n1", uid=7)
    )


AN_ORDER = Order(
    id="o-1",
    items=[Item("pen", Cents(120), frozenset({"blue"})), Item("ink", Cents(450))],
    total=Decimal("5.70"),
    color=Color.GREEN,
    where=(Point(1, 2), Point(3)),
    placed=datetime(2024, 2, 29, 12, 30),
    extra={1: Box([Rights.READ | Rights.WRITE, Level.HIGH]), (2, "b"): {b"x", 2**70}},
    notes={"a": [1, None, {"b": 2.5}]},
    reply_to=a_ref(),
)
"""Something of everything."""
