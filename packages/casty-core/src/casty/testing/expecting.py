"""Compares expectations of a test, by type or by value, with actual values, and describes differences."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass


def meets(found: object, wanted: object) -> bool:
    """Whether `found` is an instance of the type `wanted`, or equal to the value `wanted`."""
    return isinstance(found, wanted) if isinstance(wanted, type) else found == wanted


def show(wanted: object) -> str:
    """A type by its name, a value by its repr."""
    return f"a {wanted.__qualname__}" if isinstance(wanted, type) else repr(wanted)


def listing(values: Iterable[object]) -> str:
    """The contents of a mailbox or a list of effects, for a message."""
    return ", ".join(map(repr, values)) or "nothing"


def difference(before: object, after: object) -> str:
    """How two values that should be equal differ: in their fields, if they have any, else in their types."""
    if type(before) is not type(after):
        return f"it was a {type(before).__qualname__} and is a {type(after).__qualname__}"
    names = [field.name for field in fields(before)] if is_dataclass(before) else []
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in names]
    changed = [f"{name} was {old!r} and is {new!r}" for name, old, new in pairs if old != new]
    return "; ".join(changed) or f"it was {before!r} and is {after!r}"
