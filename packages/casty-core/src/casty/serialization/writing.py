"""From values to trees that msgpack writes by itself. Types are matched exactly."""

from collections.abc import Callable, Collection
from dataclasses import is_dataclass
from typing import Any

from casty.errors import EncodeError
from casty.ref import ActorRef
from casty.serialization.catalog import Catalog
from casty.serialization.limits import Limits, TooDeepError, collide
from casty.serialization.packing import Tree, extension
from casty.serialization.plans import Write
from casty.serialization.refs import address_to_extension
from casty.serialization.scalars import PLAIN, SCALARS
from casty.serialization.tags import TAG, Tag

_MARKS = {tag: extension(TAG, tag.value) for tag in Tag}
_TEXT = frozenset((str, bytes))


class Writer:
    """Writes values of the types that its catalog lets through. Holds nothing of a single value."""

    def __init__(self, catalog: Catalog, limits: Limits) -> None:
        self._catalog = catalog
        self._max_depth = limits.max_depth
        self._writes: dict[type, Write] = {
            list: self._items,
            dict: self._dict,
            tuple: lambda value, depth: [_MARKS[Tag.TUPLE], *self._items(value, depth)],
            set: lambda value, depth: [_MARKS[Tag.SET], *self._keys(value, depth)],
            frozenset: lambda value, depth: [_MARKS[Tag.FROZENSET], *self._keys(value, depth)],
            **{scalar.type: _extension_of(scalar.code, scalar.dump) for scalar in SCALARS},
        }

    def write(self, value: object, depth: int = 1) -> Tree:
        """The tree of a value whose containers are `depth` deep. Raises `EncodeError`."""
        kind = type(value)
        if kind in PLAIN:
            return value
        write = self._writes.get(kind)
        if write is None:
            write = self._writes[kind] = self._write_of(kind)
        return write(value, depth)

    def _write_of(self, kind: type[object]) -> Write:
        # A front end's reference is a value of its own, which holds another one.
        if not is_dataclass(kind) and issubclass(kind, ActorRef):
            return _write_ref
        plan = self._catalog.of(kind)

        def write_named(value: object, depth: int) -> Tree:
            self._descend(depth)
            return [_MARKS[Tag.NAMED], *plan.wire, plan.write(value, depth, self.write)]

        return write_named

    def _items(self, values: Collection[Any], depth: int) -> list[Tree]:
        self._descend(depth)
        if PLAIN.issuperset(map(type, values)):
            return list(values)
        return [value if type(value) in PLAIN else self.write(value, depth + 1) for value in values]

    def _keys(self, values: Collection[Any], depth: int) -> list[Tree]:
        if collide(values):
            raise EncodeError("too many of its keys have the same hash, reading it would be slow; use other keys")
        return self._items(values, depth)

    def _dict(self, value: dict[Any, Any], depth: int) -> Tree:
        items = self._items(value.values(), depth)
        if _TEXT.issuperset(map(type, value)):
            return dict(zip(value, items, strict=True))
        return [_MARKS[Tag.MAP], *self._keys(value, depth), *items]

    def _descend(self, depth: int) -> None:
        if depth > self._max_depth:
            raise TooDeepError(self._max_depth)


def _write_ref(ref: ActorRef[Any], depth: int) -> Tree:
    return address_to_extension(ref.address)


def _extension_of(code: int, dump: Callable[[Any], bytes]) -> Write:
    return lambda value, depth: extension(code, dump(value))
