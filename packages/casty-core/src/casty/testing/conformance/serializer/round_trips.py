"""Values round-trip with exactly the same types."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from casty.address import ActorAddress
from casty.ref import DetachedRef
from casty.testing.conformance.expectations import expect_equal
from casty.testing.conformance.serializer.expectations import SEED, expect_round_trip
from casty.testing.conformance.serializer.registry import Checks, Create
from casty.testing.conformance.serializer.values import SCALARS, Box, Order, Point, a_ref, key, order, value

VALUES: Final = 200

check = Checks()


def round_trips(create: Create, make: Callable[[Random], Any]) -> None:
    serializer, random = create(DetachedRef), Random(SEED)
    for _ in range(VALUES):
        expect_round_trip(serializer, make(random))


@check
def scalars_come_back_exactly(create: Create) -> None:
    for make in SCALARS.values():
        round_trips(create, make)


@check
def extreme_scalars_come_back_exactly(create: Create) -> None:
    serializer = create(DetachedRef)
    numbers = (2**63, 2**64, -(2**63) - 1, 10**1000, -0.0, float("inf"), float("nan"), Decimal("sNaN12"))
    moments = (date.min, datetime.min, datetime.max, timedelta.min, timedelta.max)
    for extreme in (*numbers, *moments, UUID(int=0), "", "\0", b""):
        expect_round_trip(serializer, extreme)


@check
def a_zone_becomes_its_offset_at_that_moment(create: Create) -> None:
    serializer = create(DetachedRef)
    for zone in (UTC, timezone(timedelta(hours=-3, minutes=-30))):
        moment = datetime(2024, 2, 29, 12, tzinfo=zone)
        expect_round_trip(serializer, moment)


@check
def containers_keep_their_types_and_order(create: Create) -> None:
    def some(random: Random) -> list[Any]:
        return [key(random) for _ in range(random.randrange(5))]

    round_trips(create, some)
    round_trips(create, lambda random: tuple(some(random)))
    round_trips(create, lambda random: set(some(random)))
    round_trips(create, lambda random: frozenset(some(random)))
    serializer = create(DetachedRef)
    for plain in ([], (), set[int](), frozenset[int](), {}, [[()]], {"b": 1, "a": 2}):
        expect_round_trip(serializer, plain)


@check
def keys_of_many_types_stay_apart(create: Create) -> None:
    round_trips(create, lambda random: {key(random): number for number in range(5)})
    expect_round_trip(create(DetachedRef), {1: "int", "1": "str", b"1": "bytes", (1,): "tuple", Point(1): "point"})


@check
def dataclasses_come_back_whole(create: Create) -> None:
    """Optional, nested, generic and literal fields; an unstored field is computed again."""
    round_trips(create, order)
    round_trips(create, lambda random: Box(Box(order(random))))


@check
def everything_may_be_in_everything(create: Create) -> None:
    round_trips(create, value)


@check
def references_are_what_the_resolver_makes_of_their_address(create: Create) -> None:
    seen: list[ActorAddress] = []

    def resolve(address: ActorAddress) -> DetachedRef[Any]:
        seen.append(address)
        return DetachedRef(address)

    ref = a_ref(Random(SEED))
    serializer = create(resolve)
    expect_equal(
        "the order", serializer.decode(*serializer.encode(Order(id="1", reply_to=ref))), Order(id="1", reply_to=ref)
    )
    expect_equal("what the resolver was asked for", seen, [ref.address])
