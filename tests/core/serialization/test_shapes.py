"""Dataclasses of every shape come back as they were, or are refused when they are written."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from math import copysign, isnan
from typing import Annotated, Any, Literal, NewType, NotRequired, Protocol, TypedDict, cast

import pytest
from casty.errors import EncodeError
from casty.serialization import MsgpackSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

SERIALIZER = MsgpackSerializer()

UserId = NewType("UserId", str)


class Options(TypedDict):
    limit: int
    note: NotRequired[str]


class Size(IntEnum):
    SMALL = 1


class Word(StrEnum):
    A = "a"


class Named(Protocol):
    name: str


@dataclass(kw_only=True)
class Base:
    name: str
    __secret: int = 0  # pyright: ignore[reportGeneralTypeIssues]  # what a user may do all the same

    def secret(self) -> int:
        return self.__secret


@dataclass(slots=True, kw_only=True)
class Leaf(Base):
    size: int = 0
    half: float = field(init=False)

    def __post_init__(self) -> None:
        self.half = self.size / 2


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Pair[A, B]:
    first: A
    second: B | None = None


@dataclass(frozen=True)
class Everything:
    number: float = 0.0
    whole: int = 0
    user: UserId = UserId("")
    options: Options = field(default_factory=lambda: Options(limit=1))
    choice: Literal["a", 1, True, None] = None
    metres: Annotated[float | None, "metres"] = None
    sizes: dict[Size | int, frozenset[Word | str]] = field(default_factory=dict[Size | int, frozenset[Word | str]])
    nested: "list[Pair[Leaf, int] | Everything | None]" = field(
        default_factory=list["Pair[Leaf, int] | Everything | None"]
    )
    named: Named | None = None
    moments: tuple[datetime | timedelta | Decimal, ...] = ()


leaves = st.builds(Leaf, name=st.text(), size=st.integers(-(2**70), 2**70))
everything = st.recursive(
    st.builds(
        Everything,
        number=st.floats() | st.integers() | st.booleans(),
        whole=st.integers() | st.booleans() | st.just(Size.SMALL),
        user=st.text().map(UserId),
        options=st.fixed_dictionaries({"limit": st.integers()}, optional={"note": st.text()}),
        choice=st.sampled_from(["a", 1, True, None]),
        metres=st.none() | st.floats(),
        sizes=st.dictionaries(st.just(Size.SMALL) | st.integers(), st.frozensets(st.text() | st.just(Word.A))),
        named=st.none() | leaves,
        moments=st.lists(st.datetimes() | st.timedeltas() | st.decimals()).map(tuple),
    ),
    lambda inner: st.builds(
        # Not `Pair[Leaf, int]`, which Python 3.12 cannot call: the class is frozen and has slots.
        Everything,
        nested=st.lists(st.none() | inner | st.builds(Pair, leaves, st.integers()), max_size=3),
    ),
    max_leaves=4,
)


def same(left: Any, right: Any) -> bool:
    """Equal and of the same types, also where a value is not equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (isnan(left) and isnan(right)) or (left == right and copysign(1, left) == copysign(1, right))
    if isinstance(left, Decimal):
        return left.as_tuple() == right.as_tuple()
    if isinstance(left, list | tuple):
        pairs = zip(cast(list[Any], left), cast(list[Any], right), strict=True)
        return len(cast(list[Any], left)) == len(right) and all(same(*pair) for pair in pairs)
    if isinstance(left, Base | Pair | Everything):
        ours: Any = cast(Any, left)
        return all(same(getattr(ours, item.name), getattr(right, item.name)) for item in fields(ours))
    return (left == right and repr(left) == repr(right)) or (isinstance(left, dict | frozenset) and left == right)


@given(everything)
@settings(max_examples=200, deadline=None)
def test_any_shape_round_trips_exactly(value: Everything) -> None:
    for back in (SERIALIZER.decode(*SERIALIZER.encode(value)), SERIALIZER.loads(SERIALIZER.dumps(value))):
        assert same(back, value)


@given(st.text(st.characters(categories=["Cs"]), min_size=1) | st.text(st.characters(), min_size=1))
@settings(max_examples=100, deadline=None)
def test_text_comes_back_or_is_refused(text: str) -> None:
    value = Pair(text, 1)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        with pytest.raises(EncodeError, match=r"Pair\.first: a text that is not Unicode"):
            SERIALIZER.encode(value)
    else:
        assert SERIALIZER.decode(*SERIALIZER.encode(value)) == value


def test_private_and_computed_fields() -> None:
    value = cast(Any, Leaf)(name="a", size=3, _Base__secret=7)
    back = SERIALIZER.decode(*SERIALIZER.encode(value))
    assert isinstance(back, Leaf)
    assert (back.secret(), back.half, back) == (7, 1.5, value)
