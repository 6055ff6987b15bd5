"""From bytes to values. Whatever the bytes are, it makes nothing but wire types, or raises `DecodeError`."""

from collections.abc import Callable
from typing import Any

from casty.errors import DecodeError
from casty.serialization.catalog import Catalog
from casty.serialization.explain import short
from casty.serialization.limits import Limits, collide
from casty.serialization.packing import Tree, unpack
from casty.serialization.refs import REF, address_from_bytes
from casty.serialization.scalars import LOADERS
from casty.serialization.tags import BY_BYTES, TAG, UNREAD, Tag
from casty.spi.serializer import RefResolver


class Reader:
    """Reads values of the types that its catalog lets through. Holds nothing of a single value."""

    def __init__(self, catalog: Catalog, resolve_ref: RefResolver, limits: Limits) -> None:
        self._catalog = catalog
        self._limits = limits
        self._loaders: dict[int, Callable[[bytes], object]] = {
            **LOADERS,
            TAG: BY_BYTES.__getitem__,
            REF: lambda data: resolve_ref(address_from_bytes(data)),
        }

    def unpack(self, payload: bytes) -> Tree:
        return unpack(payload, self._limits, self._load)

    def read(self, tree: object, depth: int = 1) -> Any:
        """The value of a tree whose containers are `depth` deep."""
        kind = type(tree)
        if kind is list:
            return self._list(tree, depth)
        if kind is dict:
            return self._dict(tree, depth)
        if kind in UNREAD:
            raise DecodeError(f"{short(tree)} is no value by itself: the bytes are damaged")
        return tree

    def _load(self, code: int, data: bytes) -> object:
        load = self._loaders.get(code)
        if load is None:
            raise DecodeError(f"no type is written as the extension {code}: a newer Casty wrote this, or none")
        return load(data)

    def _list(self, trees: Tree, depth: int) -> Any:
        if trees and type(trees[0]) is Tag:
            return self._tagged(trees[0], trees, depth)
        return self._items(trees, depth)

    def _dict(self, trees: Tree, depth: int) -> dict[Any, Any]:
        return dict(zip(trees, self._items(list(trees.values()), depth), strict=True))

    def _items(self, trees: list[Tree], depth: int) -> list[Any]:
        self._descend(depth)
        if UNREAD.isdisjoint(map(type, trees)):
            return trees
        return [self.read(tree, depth + 1) if type(tree) in UNREAD else tree for tree in trees]

    def _tagged(self, tag: Tag, trees: list[Tree], depth: int) -> Any:
        match tag:
            case Tag.NAMED:
                return self._named(trees, depth)
            case Tag.TUPLE:
                return tuple(self._items(trees[1:], depth))
            case Tag.SET:
                return _hashed(set, self._items(trees[1:], depth))
            case Tag.FROZENSET:
                return _hashed(frozenset, self._items(trees[1:], depth))
            case Tag.MAP:
                items = self._items(trees[1:], depth)
                half, odd = divmod(len(items), 2)
                if odd:
                    raise DecodeError("a dict with a key and no value: the bytes are damaged")
                return _hashed(lambda keys: dict(zip(keys, items[half:], strict=True)), items[:half])

    def _named(self, trees: list[Tree], depth: int) -> Any:
        if len(trees) != 4 or type(trees[1]) is not str:
            raise DecodeError("a named value has a name, a version and a body: the bytes are damaged")
        self._descend(depth)
        _, name, version, body = trees
        return self._catalog.named(name, version).read(body, depth, self.read)

    def _descend(self, depth: int) -> None:
        if depth > self._limits.max_depth:
            raise DecodeError(f"it nests deeper than max_depth allows: {self._limits.max_depth}")


def _hashed[C](make: Callable[[list[Any]], C], keys: list[Any]) -> C:
    try:
        if not collide(keys):
            return make(keys)
    except Exception as error:  # hashing a value of a user's type runs the hash of what is in it
        raise DecodeError(f"a set or dict has a key that cannot be one: {error}") from error
    raise DecodeError("too many keys of a set or dict have the same hash")
