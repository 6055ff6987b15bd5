"""What goes in comes out: equal, and of exactly the same types."""

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from casty.address import ActorAddress
from casty.ref import ActorRef, DetachedRef
from casty.serialization import MsgpackSerializer
from casty.serialization.limits import DEEPEST, Limits
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.serialization.samples import (
    AN_ORDER,
    Box,
    Cents,
    Color,
    Item,
    Level,
    Order,
    Point,
    Rights,
    a_ref,
)

SERIALIZER = MsgpackSerializer()

# Whole seconds: Python's own `fromisoformat` drops an offset of less than one.
offsets = st.integers(-86_000, 86_000).map(lambda seconds: timezone(timedelta(seconds=seconds)))
names = st.text(min_size=1, max_size=8)


def a_ref_of(system: str, path: str, node: str | None, uid: int) -> DetachedRef[str]:
    host = "Host-1.example"
    return DetachedRef(ActorAddress(system=system, path=f"/{path}", host=host, port=25520, node_id=node, uid=uid))


refs = st.builds(a_ref_of, names, st.text(max_size=8), st.none() | st.text(max_size=5), st.integers(0, 2**64))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.none() | offsets),
    st.dates(),
    st.times(timezones=st.none() | offsets),
    st.timedeltas(),
    st.uuids(),
    st.sampled_from([*Color, *Level, Rights.READ, Rights.READ | Rights.WRITE]),
    refs,
)
points = st.builds(Point, st.integers(), st.integers())
items = st.builds(Item, st.text(), st.integers().map(Cents), st.frozensets(st.text()))
keys = st.recursive(
    scalars | points | items,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    keys,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(keys, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
        st.builds(Box[Any], inner),
    ),
    max_leaves=12,
)
json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
orders = st.builds(
    Order,
    id=st.text(),
    items=st.lists(items, max_size=3),
    total=st.none() | st.decimals(allow_nan=False),
    color=st.sampled_from(Color),
    where=st.lists(points, max_size=3).map(tuple),
    status=st.sampled_from(["open", "closed"]),
    placed=st.none() | st.datetimes(),
    extra=values,
    notes=json,
    reply_to=st.none() | refs,
)


def shape(value: object) -> Any:
    """The types of a value and of all that is in it; of what has no order, sorted."""
    return _shape(value, type(value))


def _shape(value: Any, kind: type) -> Any:
    if is_dataclass(kind):
        return kind, [shape(getattr(value, field.name)) for field in fields(kind)]
    if kind is dict:
        return kind, sorted(repr((shape(key), shape(item))) for key, item in value.items())
    if kind in (set, frozenset):
        return kind, sorted(repr(shape(item)) for item in value)
    if kind in (list, tuple, Point):
        return kind, [shape(item) for item in value]
    return ActorRef if isinstance(value, ActorRef) else (kind, repr(value))


@given(values)
@settings(max_examples=300, deadline=None)
def test_any_value_round_trips_exactly(value: object) -> None:
    for back in (SERIALIZER.loads(SERIALIZER.dumps(value)), SERIALIZER.decode(*SERIALIZER.encode(value))):
        assert back == value
        assert shape(back) == shape(value)


@given(orders)
@settings(max_examples=150, deadline=None)
def test_a_dataclass_of_everything_round_trips_exactly(order: Order) -> None:
    back = SERIALIZER.decode(*SERIALIZER.encode(order))
    assert back == order
    assert shape(back) == shape(order)


def test_the_sample_of_everything() -> None:
    encoded = SERIALIZER.encode(AN_ORDER)
    assert encoded[:2] == ("samples.Order", 3)
    assert SERIALIZER.decode(*encoded) == AN_ORDER


EDGES: list[object] = [
    2**64 - 1,
    2**64,
    -(2**63),
    -(2**63) - 1,
    10**1000,
    -0.0,
    float("inf"),
    Decimal("-0E+7"),
    Decimal("sNaN12"),
    date.min,
    datetime.max,
    timedelta.min,
    timedelta.max,
    time(1, 2, 3, 4),
    UUID(int=0),
    {True: False},
    {1: "int", "1": "str", b"1": "bytes", (1,): "tuple"},
    [[], (), set[int](), frozenset[int](), {}, [()]],
]


@pytest.mark.parametrize("value", EDGES, ids=repr)
def test_edges(value: object) -> None:
    back = SERIALIZER.loads(SERIALIZER.dumps(value))
    assert shape(back) == shape(value)
    assert repr(back) == repr(value)


def test_a_zone_becomes_its_offset_at_that_moment() -> None:
    paris = datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris"))
    back = SERIALIZER.loads(SERIALIZER.dumps(paris))
    assert isinstance(back, datetime)
    assert back == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert back.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize("moment", [datetime(2024, 10, 27, 2, 30, fold=1), time(2, 30, fold=1)], ids=repr)
def test_the_fold_of_a_naive_time_survives(moment: datetime | time) -> None:
    back = SERIALIZER.loads(SERIALIZER.dumps(moment))
    assert back == moment
    assert isinstance(back, datetime | time)
    assert back.fold == 1


def test_references_are_what_the_resolver_makes_of_their_address() -> None:
    seen: list[ActorAddress] = []

    def resolve(address: ActorAddress) -> DetachedRef[Any]:
        seen.append(address)
        return DetachedRef(address)

    payload = MsgpackSerializer().dumps([a_ref("/a"), a_ref("/b")])
    assert MsgpackSerializer(resolve_ref=resolve).loads(payload) == [a_ref("/a"), a_ref("/b")]
    assert seen == [a_ref("/a").address, a_ref("/b").address]


def test_plain_values_have_no_manifest_and_describe_themselves() -> None:
    encoded = SERIALIZER.encode([AN_ORDER, 1])
    assert encoded[:2] == ("", 1)
    assert SERIALIZER.decode(*encoded) == [AN_ORDER, 1]
    assert SERIALIZER.name == "msgpack"


@pytest.mark.parametrize("depth", [1, 64, DEEPEST])
def test_what_is_as_deep_as_allowed_can_be_read(depth: int) -> None:
    serializer = MsgpackSerializer(limits=Limits(max_depth=depth))
    value: Box[Any] = Box(0)
    for _ in range(depth - 1):
        value = Box(value)
    assert serializer.loads(serializer.dumps(value)) == value
    assert serializer.decode(*serializer.encode(value)) == value
