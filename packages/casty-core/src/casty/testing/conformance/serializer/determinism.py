"""Equal values are equal bytes."""

from random import Random
from typing import Final

from casty.ref import DetachedRef
from casty.testing.conformance.expectations import expect_equal
from casty.testing.conformance.serializer.registry import Checks, Create
from casty.testing.conformance.serializer.values import order

VALUES: Final = 100

check = Checks(lambda capabilities: capabilities.deterministic)


@check
def equal_values_are_equal_bytes(create: Create) -> None:
    """A new equal value, and another serializer."""
    for number in range(VALUES):
        first, second = (create(DetachedRef).encode(order(Random(number))) for _ in range(2))
        expect_equal("the second encoding", second, first)
