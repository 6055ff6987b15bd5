"""Expectations of checks.

Functions instead of `assert` statements, so that failures show the expected value without pytest's rewriting.
"""

from reprlib import Repr
from typing import Final

_SHORT: Final = Repr(maxlevel=8, maxlist=30, maxtuple=30, maxstring=200, maxother=200)


def short(value: object) -> str:
    """The value as a failure shows it, shortened."""
    return _SHORT.repr(value)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def expect_equal(what: str, actual: object, wanted: object) -> None:
    expect(actual == wanted, f"{what}: wanted {short(wanted)}, there is {short(actual)}")
