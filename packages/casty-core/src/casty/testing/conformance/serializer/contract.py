"""Names, versions, and concurrent use of a serializer."""

import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

from casty.errors import DecodeError
from casty.ref import DetachedRef
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.serializer.expectations import expect_refused, expect_round_trip
from casty.testing.conformance.serializer.registry import Checks, Create
from casty.testing.conformance.serializer.values import Box, Order, Point, order

THREADS: Final = 4
ROUNDS: Final = 100

check = Checks()


@check
def its_name_fits_into_a_frame(create: Create) -> None:
    name = create(DetachedRef).name
    expect_equal("the name of another one", create(DetachedRef).name, name)
    expect(name.isascii() and name.isprintable() and name != "" and " " not in name, f"{name!r} is no name")


@check
def the_manifest_is_the_name_of_the_type(create: Create) -> None:
    serializer = create(DetachedRef)
    expect_equal(
        "an order's manifest and version", serializer.encode(Order(id="1"))[:2], ("casty.conformance.Order", 3)
    )
    expect_equal("a point's manifest and version", serializer.encode(Point(1))[:2], ("casty.conformance.Point", 1))
    expect_equal("a list's manifest", serializer.encode([Point(1)]).manifest, "")


@check
def plain_values_have_one_version(create: Create) -> None:
    serializer = create(DetachedRef)
    manifest, version, payload = serializer.encode([1])
    expect_refused(
        "a plain value of another version",
        DecodeError,
        lambda: serializer.decode(manifest, version + 1, payload),
    )


@check
def values_are_not_shared(create: Create) -> None:
    """An encoded value may change afterwards, and each decoded value belongs to its caller."""
    serializer, content = create(DetachedRef), [1]
    stored = serializer.encode(Box(content))
    content.append(2)
    first, second = serializer.decode(*stored), serializer.decode(*stored)
    expect_equal("what was decoded", first, Box([1]))
    first.content.append(3)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    expect_equal("another result of the same bytes", second, Box([1]))


@check
def threads_do_not_disturb_each_other(create: Create) -> None:
    serializer = create(DetachedRef)

    def work(number: int) -> None:
        random = Random(number)
        for _ in range(ROUNDS):
            expect_round_trip(serializer, order(random))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(THREADS)))
    finally:
        sys.setswitchinterval(interval)
