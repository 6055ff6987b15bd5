"""Reads a stored value without its type, for display. Nothing is imported, and only builtins are created."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, cast, override

from casty.ref import ActorRef, DetachedRef
from casty.serialization.catalog import Catalog, Reading
from casty.serialization.limits import DEEPEST, Limits
from casty.serialization.packing import Tree
from casty.serialization.plans import Read
from casty.serialization.reading import Reader
from casty.serialization.registry import Registry

TYPE: Final = "$type"
"""The key under which a value within a value has the name and version of its type."""

_UNBOUNDED: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Typed:
    """A value of an unknown type. Hashable, so that it may be in a set, whatever it holds."""

    name: str
    version: object
    body: object


class _AnyType(Catalog):
    """Treats every type as known."""

    def __init__(self) -> None:
        super().__init__(Registry(), strict=True, allow=())

    @override
    def named(self, name: str, version: object) -> Reading:
        return _Body(name, version)


@dataclass(frozen=True, slots=True)
class _Body:
    name: str
    version: object

    def read(self, tree: Tree, depth: int, read: Read) -> Typed:
        return Typed(self.name, self.version, read(tree, depth))


_reader: Final = Reader(
    _AnyType(), DetachedRef, Limits(max_payload=_UNBOUNDED, max_items=_UNBOUNDED, max_depth=DEEPEST)
)


def content(payload: bytes) -> object:
    """A msgpack payload as JSON: bytes as hexadecimal digits after 0x, dates and the like as strings, and
    types within it by name. Raises `DecodeError` for invalid bytes.
    """
    return _plain(_reader.read(_reader.unpack(payload)))


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case bytes():
            return f"0x{value.hex()}"
        case Mapping():
            return {_key(key): _plain(item) for key, item in cast(Mapping[Any, object], value).items()}
        case Typed(name, version, body):
            named = {TYPE: f"{name} v{version}"}
            inner = _plain(body)
            return {**named, **cast(dict[str, object], inner)} if isinstance(body, Mapping) else {**named, "is": inner}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in cast(Iterable[object], value)]
        case ActorRef():
            return cast(ActorRef[Any], value).address.to_uri()
        case _:
            return str(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(_plain(key))
