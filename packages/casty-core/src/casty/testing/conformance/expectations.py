"""How checks say that something is not as it should be.

Functions and no `assert` statements, so that a failure tells what was wanted also where nobody rewrites them.
"""

from reprlib import Repr
from typing import Final

_SHORT: Final = Repr(maxlevel=8, maxlist=30, maxtuple=30, maxstring=200, maxother=200)


def short(value: object) -> str:
    """The value as a failure shows it: a megabyte is not what its reader needs."""
    return _SHORT.repr(value)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def expect_equal(what: str, actual: object, wanted: object) -> None:
    expect(actual == wanted, f"{what}: wanted {short(wanted)}, there is {short(actual)}")
