"""What every table of a configuration is: a frozen dataclass that holds its values to its own type hints.

Tables made in code and tables read from a file pass the same check, so that one is as valid as the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from casty.errors import ConfigError


# Not slotted: early releases of Python 3.12 cannot make a frozen, slotted, generic value by `Rule[int](...)`.
@dataclass(frozen=True)
class Rule[T]:
    """What a value must satisfy beyond its type; `wanted` completes the sentence "must be …"."""

    wanted: str
    holds: Callable[[T], bool]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of settings, each a field. Making one raises `ConfigError` for a value that is wrong."""

    def __post_init__(self) -> None:
        for key, hint in hints(type(self)).items():
            try:
                value = checked(hint, getattr(self, key))
            except ValueError as error:
                raise ConfigError(f"{key} {error}") from None
            object.__setattr__(self, key, value)
        self.check_together()

    def check_together(self) -> None:
        """Raise `ConfigError`, beginning with a key, where values contradict each other."""


@cache
def hints(table: type[Table]) -> Mapping[str, object]:
    """The type hint of each of the table's keys, in their order."""
    return cast(Mapping[str, object], get_type_hints(table, include_extras=True))


def as_table(hint: object) -> type[Table] | None:
    """The hint itself where it stands for a table with fixed keys."""
    return hint if isinstance(hint, type) and issubclass(hint, Table) else None


def as_mapping(hint: object) -> tuple[object, object] | None:
    """The hints of keys and values where the hint stands for a table whose keys the user chooses."""
    return get_args(hint) if get_origin(hint) is Mapping else None


def checked(hint: object, value: object) -> object:
    """`value` as `hint` wants it: the enum's member for its text, a tuple for a list, a float for an int.

    Raises ValueError with the second half of a sentence about the value: "must be …; it is …".
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _ruled(cast(Sequence[Rule[object]], arguments[1:]), checked(arguments[0], value))
    if origin in (Union, UnionType):
        may_be_false = value is False and Literal[False] in arguments
        return value if value is None or may_be_false else checked(arguments[0], value)
    if origin is tuple:
        return tuple(_items(arguments[0], value))
    if origin is Mapping:
        return dict(_entries(arguments, value))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, value)
    return _plain(cast(type[object], hint), value)


def _ruled(rules: Iterable[Rule[object]], value: object) -> object:
    for rule in rules:
        if not rule.holds(value):
            raise _wrong(rule.wanted, value)
    return value


def _items(hint: object, value: object) -> Iterable[object]:
    if not isinstance(value, list | tuple):
        raise _wrong("a list", value)
    for number, item in enumerate(cast(Sequence[object], value), start=1):
        try:
            yield checked(hint, item)
        except ValueError as error:
            raise ValueError(f"item {number} {error}") from None


def _entries(hint: tuple[object, ...], value: object) -> Iterable[tuple[object, object]]:
    if not isinstance(value, Mapping):
        raise _wrong("a table", value)
    for key, item in cast(Mapping[object, object], value).items():
        try:
            yield checked(hint[0], key), checked(hint[1], item)
        except ValueError as error:
            raise ValueError(f"key {key!r} {error}") from None


_NOUNS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
}


def _plain(hint: type[object], value: object) -> object:
    if hint is float and type(value) is int:
        return float(value)
    # A bool is an int to Python, but `port = true` is a mistake.
    if not isinstance(value, hint) or (isinstance(value, bool) and hint in (int, float)):
        raise _wrong(_NOUNS.get(hint, "a table"), value)
    return value


def _member(enum: type[Enum], value: object) -> Enum:
    try:
        return enum(value)
    except ValueError:
        choices = ", ".join(str(member.value) for member in enum)
        raise _wrong(f"one of {choices}", value) from None


def _wrong(wanted: str, value: object) -> ValueError:
    return ValueError(f"must be {wanted}; it is {value!r}")
