"""Unsupported values are refused when they are written, with their place."""

import sys
from random import Random
from typing import Any, Final

from casty.errors import DecodeError, EncodeError
from casty.ref import DetachedRef
from casty.spi.serializer import Serializer
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.serializer.expectations import SEED, expect_refused
from casty.testing.conformance.serializer.registry import Checks, Create
from casty.testing.conformance.serializer.values import Box, Order, order

DEEP: Final = 50_000
LARGEST: Final = 2**26
"""Size of a value that no frame and no row should have to hold, in bytes."""

check = Checks()


class Text(str):
    """Would be decoded as another type."""

    __slots__ = ()


@check
def what_is_no_wire_type_is_refused(create: Create) -> None:
    serializer = create(DetachedRef)
    for stranger in (print, Order, sys, ValueError("x"), object(), Text("x"), iter(()), bytearray()):
        for item in (stranger, [stranger], Box(stranger), {"key": (stranger,)}):
            expect_refused(f"encoding {item!r}", EncodeError, lambda item=item: serializer.encode(item))
            expect_refused(f"dumping {item!r}", EncodeError, lambda item=item: serializer.dumps(item))


@check
def the_culprit_and_its_place_are_named(create: Create) -> None:
    serializer = create(DetachedRef)
    error = expect_refused("an object", EncodeError, lambda: serializer.encode(Box([1, {"here": object()}])))
    for word in ("content", "here", "object"):
        expect(word in str(error), f"the error does not say {word!r}: {error}")


@check
def a_value_that_contains_itself_is_refused(create: Create) -> None:
    endless: list[object] = []
    endless.append(Box(endless))
    expect_refused("a list in itself", EncodeError, lambda: create(DetachedRef).encode(endless))


@check
def depth_is_bounded_for_writer_and_reader(create: Create) -> None:
    serializer = create(DetachedRef)
    depth = 1
    while is_written(serializer, nested(depth)):
        depth += 1
        expect(depth < 1000, "a thousand nested lists were written: there is no bound")
    expect_refused(f"{DEEP} nested lists", EncodeError, lambda: serializer.dumps(nested(DEEP)))
    for payload in continued(serializer.dumps(nested(2)), serializer.dumps(nested(3)), DEEP):
        expect_refused(f"the bytes of {DEEP} nested lists", DecodeError, lambda data=payload: serializer.loads(data))


@check
def size_is_bounded_for_writer_and_reader(create: Create) -> None:
    serializer = create(DetachedRef)
    for unit in (b" ", [None]):
        size = 1024
        while is_written(serializer, unit * size):
            size *= 4
            expect(size <= LARGEST, f"{size} bytes were written: there is no bound")
    expect_refused(f"{LARGEST} bytes", DecodeError, lambda: serializer.loads(bytes(LARGEST)))


@check
def a_refusal_leaves_nothing_behind(create: Create) -> None:
    serializer, fine = create(DetachedRef), order(Random(SEED))
    before = serializer.dumps(fine)
    expect_refused("an object behind a value", EncodeError, lambda: serializer.dumps([fine, object()]))
    expect_refused("half a value", DecodeError, lambda: serializer.loads(before[: len(before) // 2]))
    expect_equal("a value after refusals", serializer.loads(before), fine)
    expect_equal("the bytes of a value after refusals", serializer.loads(serializer.dumps(fine)), fine)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def is_written(serializer: Serializer, value: object) -> bool:
    """Whether the value is written; if so, it must be readable as well."""
    try:
        payload = serializer.dumps(value)
    except EncodeError:
        return False
    expect_equal(f"what is read from {len(payload)} bytes", serializer.loads(payload) == value, True)
    return True


def continued(shallow: bytes, deep: bytes, depth: int) -> list[bytes]:
    """Many nested levels, built from the bytes that one level adds before and after its contents."""
    added = len(deep) - len(shallow)
    sides = [(deep[:before], deep[len(deep) - added + before :]) for before in range(added + 1)]
    return [before * depth + shallow + behind * depth for before, behind in sides if before + shallow + behind == deep]
