"""How a named type is written and read: made once per type, when its first value comes along."""

from collections.abc import Callable
from dataclasses import MISSING
from enum import Enum, Flag
from typing import Any, NamedTuple, Protocol, cast

from casty.errors import DecodeError, EncodeError
from casty.serialization.checks import Test, check_of
from casty.serialization.explain import short
from casty.serialization.fields import stored_fields
from casty.serialization.hints import field_hints
from casty.serialization.kinds import is_enum
from casty.serialization.names import WireName
from casty.serialization.packing import Tree
from casty.serialization.scalars import PLAIN
from casty.serialization.tags import UNREAD

type Write = Callable[[Any, int], Tree]
"""A value at a depth, to a tree. Raises `EncodeError`."""
type Read = Callable[[Tree, int], Any]
"""The inverse. Raises `DecodeError`."""


class Plan(Protocol):
    """How one type's values become trees and back; the type's name travels elsewhere."""

    @property
    def wire(self) -> WireName: ...

    def write(self, value: Any, depth: int, write: Write) -> Tree: ...

    def read(self, tree: Tree, depth: int, read: Read) -> Any: ...


def plan_of(kind: type[Any], wire: WireName) -> Plan:
    """Raises TypeError for a type whose instances could not be made again from their fields."""
    if issubclass(kind, Flag):
        return FlagPlan(kind, wire)
    return EnumPlan(kind, wire) if is_enum(kind) else RecordPlan(kind, wire)


class EnumPlan:
    """Members by name. `_name_`, because a class may have a `name` of its own."""

    __slots__ = ("_members", "kind", "wire")

    def __init__(self, kind: type[Enum], wire: WireName) -> None:
        self.kind = kind
        self.wire = wire
        self._members = dict(kind.__members__)

    def write(self, value: Enum, depth: int, write: Write) -> Tree:
        name = value._name_
        if self._members.get(name) is not value:  # made by `_missing_`, for example
            raise EncodeError(f"{short(value)} is no member of {self.kind.__qualname__} that its name could find again")
        return name

    def read(self, tree: Tree, depth: int, read: Read) -> Enum:
        try:
            return self._members[tree]
        except Exception as error:
            raise _no_member(self.kind, tree) from error


class FlagPlan:
    """Flags by number, because a combination need not have a name."""

    __slots__ = ("kind", "wire")

    def __init__(self, kind: type[Flag], wire: WireName) -> None:
        self.kind = kind
        self.wire = wire

    def write(self, value: Flag, depth: int, write: Write) -> Tree:
        return int(value._value_)

    def read(self, tree: Tree, depth: int, read: Read) -> Flag:
        try:
            value = self.kind(tree)
        except Exception as error:
            raise _no_member(self.kind, tree) from error
        if type(value) is not self.kind:  # with the boundary EJECT it is a number
            raise _no_member(self.kind, tree)
        return value


def _no_member(kind: type[Enum], tree: Tree) -> DecodeError:
    return DecodeError(f"{kind.__qualname__} has no member {short(tree)}")


class _Field(NamedTuple):
    """One stored field."""

    written_as_is: frozenset[type]
    read_as_is: frozenset[type]
    fits: Test
    wanted: str
    required: bool


class RecordPlan:
    """Dataclasses and NamedTuples, as maps by field name: fields may come, go and change places.

    Values are held against their annotations both ways: nothing is stored that could not be read again.
    """

    __slots__ = ("_fields", "kind", "wire")

    def __init__(self, kind: type, wire: WireName) -> None:
        self.kind = kind
        self.wire = wire
        hints = field_hints(kind)
        self._fields = {name: _field(hints.get(name, Any), required=required) for name, required in stored_fields(kind)}

    def write(self, value: Any, depth: int, write: Write) -> Tree:
        tree: dict[str, Tree] = {}
        for name, field in self._fields.items():
            item = getattr(value, name, MISSING)
            if type(item) in field.written_as_is:
                tree[name] = item
                continue
            if item is MISSING:
                raise EncodeError(f"{self.kind.__qualname__}.{name} is not set")
            if not field.fits(item):
                raise EncodeError(self._misfit(name, field, item) + "; correct it, or the annotation")
            tree[name] = write(item, depth + 1)
        return tree

    def read(self, tree: Tree, depth: int, read: Read) -> Any:
        if type(tree) is not dict:
            raise DecodeError(f"{self.kind.__qualname__} is stored as a map of its fields, not as {_kind_of(tree)}")
        values: dict[str, Any] = {}
        for name, item in cast(dict[str, Tree], tree).items():
            field = self._fields.get(name)
            if field is None:  # of a newer or older version of the type
                continue
            if type(item) in field.read_as_is:
                values[name] = item
                continue
            value = read(item, depth + 1)
            if not field.fits(value):
                raise DecodeError(self._misfit(name, field, value))
            values[name] = value
        if len(values) != len(self._fields):
            self._refuse_missing(values)
        try:
            return self.kind(**values)
        except Exception as error:  # its own `__post_init__` or `__new__` refuses them
            raise DecodeError(
                f"{self.kind.__qualname__} refuses its fields: {type(error).__name__}: {error}"
            ) from error

    def _misfit(self, name: str, field: _Field, value: object) -> str:
        return f"{self.kind.__qualname__}.{name} wants {field.wanted}, not {_kind_of(value)}"

    def _refuse_missing(self, values: dict[str, Any]) -> None:
        for name, field in self._fields.items():
            if field.required and name not in values:
                raise DecodeError(
                    f"{self.kind.__qualname__}.{name} is missing and has no default; give it one, or upcast"
                )


def _kind_of(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__qualname__}"


def _field(hint: Any, *, required: bool) -> _Field:
    check = check_of(hint)
    return _Field(
        written_as_is=check.exact & PLAIN,
        read_as_is=check.exact - UNREAD,
        fits=check.test,
        wanted=hint.__qualname__ if isinstance(hint, type) else str(hint).replace("typing.", ""),
        required=required,
    )
