"""Values for the checks of serializers: a type of every serializable kind, and random values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from random import Random
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from casty.address import ActorAddress
from casty.ref import ActorRef, DetachedRef
from casty.serialization import message

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Make = Callable[[Random], Any]


@message("casty.conformance.Color")
class Color(Enum):
    """Members whose values are not serializable."""

    RED = "red"
    GREEN = object()


@message("casty.conformance.Level")
class Level(IntEnum):
    """Members that equal numbers."""

    LOW = 1
    HIGH = 2


@message("casty.conformance.Rights")
class Rights(Flag):
    """Members that are combined."""

    READ = 1
    WRITE = 2


@message("casty.conformance.Point")
class Point(NamedTuple):
    """A NamedTuple, which differs from a plain tuple."""

    x: int
    y: int = 0


@message("casty.conformance.Box")
@dataclass(frozen=True, slots=True)
class Box[T]:
    """A generic type."""

    content: T


@message("casty.conformance.Order", version=3)
@dataclass(slots=True, kw_only=True)
class Order:
    """Annotations of many kinds."""

    id: str
    total: Decimal | None = None
    status: Literal["open", "closed"] = "open"
    where: tuple[Point, ...] = ()
    boxes: list[Box[int]] = field(default_factory=list[Box[int]])
    rights: dict[str, Rights] = field(default_factory=dict[str, Rights])
    notes: Json = None
    reply_to: ActorRef[str] | None = None
    size: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.size = len(self.boxes)


def a_ref(random: Random) -> DetachedRef[str]:
    path = f"/user/{_text(random)}"
    uid = random.getrandbits(63)
    return DetachedRef(ActorAddress(system="shop", path=path, host="Node-A", port=2551, node_id="n-1", uid=uid))


def _text(random: Random) -> str:
    return "".join(random.choice('aZ09 _"\\/\0\n\u00fc\u20ac\U0001f600') for _ in range(random.randrange(12)))


def _integer(random: Random) -> int:
    return random.choice((1, -1)) * random.getrandbits(random.choice((1, 8, 31, 32, 63, 64, 65, 500)))


def _zone(random: Random) -> timezone | None:
    return random.choice((None, timezone(timedelta(minutes=random.randrange(-1439, 1440)))))


def _date(random: Random) -> date:
    return date.fromordinal(random.randrange(1, date.max.toordinal() + 1))


def _time(random: Random) -> time:
    parts = (random.randrange(24), random.randrange(60), random.randrange(60), random.choice((0, 1, 999_999)))
    return time(*parts, tzinfo=_zone(random), fold=random.randrange(2))


def _decimal(random: Random) -> Decimal:
    return Decimal(random.choice(("0", "-0.00", "1E+7", "Infinity"))) + Decimal(_integer(random)).scaleb(-2)


SCALARS: Final[dict[str, Make]] = {
    "None": lambda random: None,
    "bool": lambda random: random.random() < 0.5,
    "int": _integer,
    "float": lambda random: random.choice((random.uniform(-1e300, 1e300), float(random.randrange(9)), -0.0)),
    "str": _text,
    "bytes": lambda random: random.randbytes(random.randrange(9)),
    "Decimal": _decimal,
    "UUID": lambda random: UUID(bytes=random.randbytes(16)),
    "date": _date,
    "time": _time,
    "datetime": lambda random: datetime.combine(_date(random), _time(random)),
    "timedelta": lambda random: timedelta(random.randrange(-9999, 9999), random.randrange(86_400), 7),
    "enum": lambda random: random.choice((*Color, *Level)),
    "flags": lambda random: random.choice((Rights(0), Rights.READ, Rights.READ | Rights.WRITE)),
    "NamedTuple": lambda random: Point(_integer(random), _integer(random)),
    "ActorRef": a_ref,
}
"""Each hashable, so that it may be a key."""


def scalar(random: Random) -> Any:
    return random.choice(list(SCALARS.values()))(random)


def key(random: Random) -> Any:
    """Something hashable, sometimes of several parts."""
    if random.random() < 0.7:
        return scalar(random)
    parts = tuple(scalar(random) for _ in range(random.randrange(3)))
    return random.choice((parts, frozenset(parts), Box(parts)))


def value(random: Random, depth: int = 4) -> Any:
    """Any serializable value, with containers at most `depth` deep."""
    if depth == 0 or random.random() < 0.2:
        return scalar(random)
    parts = [value(random, depth - 1) for _ in range(random.randrange(4))]
    match random.randrange(8):
        case 0:
            return parts
        case 1:
            return tuple(parts)
        case 2:
            return {key(random) for _ in parts}
        case 3:
            return frozenset(key(random) for _ in parts)
        case 4:
            return {key(random): part for part in parts}
        case 5:
            return {_text(random): part for part in parts}
        case 6:
            return Box(parts)
        case _:
            return order(random)


def order(random: Random) -> Order:
    return Order(
        id=_text(random),
        total=random.choice((None, _decimal(random))),
        status=random.choice(("open", "closed")),
        where=tuple(Point(_integer(random)) for _ in range(random.randrange(3))),
        boxes=[Box(_integer(random)) for _ in range(random.randrange(3))],
        rights={_text(random): Rights.READ | Rights.WRITE},
        notes=[{"a": [None, True, 1, 1.5, _text(random)]}],
        reply_to=random.choice((None, a_ref(random))),
    )
