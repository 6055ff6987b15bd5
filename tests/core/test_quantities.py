"""Numbers that users hand over."""

from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from casty import ArgumentError
from casty.quantities import check_count, checked_seconds


@pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, inf, Decimal("0.5")])
def test_numbers_from_nothing_on_are_lengths_of_time(value: Any) -> None:
    assert checked_seconds(value, "timeout of ask") == float(value)


@pytest.mark.parametrize("value", [None, nan, -1, -0.001, -inf, True, False, "5", "", [5], object()])
def test_nothing_else_is_a_length_of_time(value: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout of ask is a number of seconds, 0 or more"):
        checked_seconds(value, "timeout of ask")


def test_an_interval_is_more_than_nothing() -> None:
    with pytest.raises(ArgumentError, match="more than 0, and not 0"):
        checked_seconds(0, "interval", zero=False)


def test_the_error_about_none_says_how_to_wait_without_end() -> None:
    with pytest.raises(ArgumentError, match=r"float\('inf'\)"):
        checked_seconds(None, "timeout of ask")


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None])
def test_a_count_is_a_whole_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match="keep is a whole number from 1 on"):
        check_count(value, "keep")


def test_an_argument_error_is_caught_as_either_of_pythons_own() -> None:
    assert issubclass(ArgumentError, TypeError)
    assert issubclass(ArgumentError, ValueError)
