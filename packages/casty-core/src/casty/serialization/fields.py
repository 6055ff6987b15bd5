"""Which fields of a dataclass or NamedTuple are stored, and whether an instance can be made again from them."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from casty.serialization.hints import constructor
from casty.serialization.kinds import namespace


def stored_fields(kind: Any) -> list[tuple[str, bool]]:
    """The names of those that the constructor takes, and whether it needs them.

    Raises TypeError for a type whose instances could not be made again from them.
    """
    stored = _of_dataclass(kind) if is_dataclass(kind) else _of_named_tuple(kind)
    _check_constructor(kind, [name for name, _ in stored])
    return stored


def _of_dataclass(kind: Any) -> list[tuple[str, bool]]:
    return [
        (field.name, field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
        if field.init
    ]


def _of_named_tuple(kind: Any) -> list[tuple[str, bool]]:
    made = next(base for base in kind.__mro__ if "_field_defaults" in namespace(base))
    for name in kind._fields:
        owner = next(base for base in kind.__mro__ if name in namespace(base))
        if owner is not made:  # the element itself could not be asked for by its name
            raise TypeError(f"{owner.__qualname__}.{name} hides the field {name!r} of {made.__qualname__}; rename it")
    return [(name, name not in kind._field_defaults) for name in kind._fields]


def _check_constructor(kind: Any, stored: list[str]) -> None:
    taken = constructor(kind)
    # Checked by itself: one with a default could be left out, and its value would be lost in silence.
    for name in getattr(kind, "__dataclass_fields__", ()):
        if name in taken.parameters and name not in stored:
            raise TypeError(
                f"{kind.__qualname__}.{name} is an InitVar, whose value the instance does not keep, so it could not be "
                "made again; make it a field, or compute what depends on it before the constructor is called"
            )
    try:
        taken.bind(**dict.fromkeys(stored))
    except TypeError as error:
        raise TypeError(
            f"{kind.__qualname__} cannot be made from its fields alone ({error}); give it such a constructor, "
            "or send another type"
        ) from None
