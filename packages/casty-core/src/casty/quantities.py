"""Numbers that users hand over, checked where they are given: lengths of time and counts."""

from typing import SupportsFloat

from casty.errors import ArgumentError


def checked_seconds(value: object, what: str, *, zero: bool = True) -> float:
    """The value, if it is a number of seconds from 0 on (more than 0 unless `zero`). Infinity stands for "for ever".

    Raises `ArgumentError`, which names `what` it was given for, such as `timeout of ask`.
    """
    if type(value) is int and value > 0:  # as every ask is given one: the checks below cost it a tenth
        return float(value)
    wanted = "0 or more" if zero else "more than 0"
    if isinstance(value, bool | str) or not isinstance(value, SupportsFloat):
        hint = "; float('inf') waits without end" if value is None else ""
        raise ArgumentError(f"{what} is a number of seconds, {wanted}, and not {value!r}{hint}")
    seconds = float(value)
    if not (seconds > 0 or (zero and seconds == 0)):  # also false for NaN, which would never fall due
        raise ArgumentError(f"{what} is a number of seconds, {wanted}, and not {value!r}")
    return seconds


def check_count(value: object, what: str, minimum: int = 1, maximum: int | None = None) -> None:
    """Raises `ArgumentError` unless the value is a whole number from `minimum` on, up to `maximum` if there is one."""
    if type(value) is not int or value < minimum or (maximum is not None and value > maximum):
        end = "on" if maximum is None else f"to {maximum:,}"
        raise ArgumentError(f"{what} is a whole number from {minimum} {end}, not {value!r}")
