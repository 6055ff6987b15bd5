"""Makes handles of structures that hold a user's values: `d.queue[Job]("jobs")`.

A subscript names the type, which values are checked against. A type checker infers it where it is a class; for others,
such as `int | None`, annotate the variable.
"""

from typing import Any, cast, overload

from casty.coordination.client import Client
from casty.coordination.handles import SHARDS, DistributedRegister, DistributedSet, checked_shards
from casty.coordination.maps import DistributedMap
from casty.coordination.queues import DistributedQueue
from casty.errors import ArgumentError


class _Maker:
    """Has a client, and the type of the values."""

    def __init__(self, client: Client, annotation: Any = Any) -> None:
        self._client = client
        self._annotation = annotation


class RegisterMaker[V](_Maker):
    """Makes registers of one type, of any type without a subscript."""

    @overload
    def __getitem__[T](self, kind: type[T], /) -> "RegisterMaker[T]": ...
    @overload
    def __getitem__(self, kind: Any, /) -> "RegisterMaker[Any]": ...
    def __getitem__(self, kind: Any, /) -> "RegisterMaker[Any]":
        return RegisterMaker(self._client, kind)

    def __call__(self, name: str, *, shards: int = SHARDS, timeout: float = 5.0) -> DistributedRegister[V]:
        checked_shards(shards, name)
        return DistributedRegister(self._client, "register", name, timeout, self._annotation)


class SetMaker[V](_Maker):
    """Makes sets of one type, of any type without a subscript."""

    @overload
    def __getitem__[T](self, kind: type[T], /) -> "SetMaker[T]": ...
    @overload
    def __getitem__(self, kind: Any, /) -> "SetMaker[Any]": ...
    def __getitem__(self, kind: Any, /) -> "SetMaker[Any]":
        return SetMaker(self._client, kind)

    def __call__(self, name: str, *, shards: int = SHARDS, timeout: float = 5.0) -> DistributedSet[V]:
        checked_shards(shards, name)
        return DistributedSet(self._client, "set", name, timeout, self._annotation)


class QueueMaker[V](_Maker):
    """Makes queues of one type, of any type without a subscript."""

    @overload
    def __getitem__[T](self, kind: type[T], /) -> "QueueMaker[T]": ...
    @overload
    def __getitem__(self, kind: Any, /) -> "QueueMaker[Any]": ...
    def __getitem__(self, kind: Any, /) -> "QueueMaker[Any]":
        return QueueMaker(self._client, kind)

    def __call__(
        self, name: str, *, shards: int = SHARDS, timeout: float = 5.0, max_deliveries: int | None = None
    ) -> DistributedQueue[V]:
        """With `max_deliveries`, an item that was delivered that often in vain becomes a dead letter."""
        checked_shards(shards, name)
        return DistributedQueue(self._client, "queue", name, timeout, self._annotation, max_deliveries=max_deliveries)


class MapMaker[K, V](_Maker):
    """Makes maps of one type of keys and one of values, of any types without a subscript."""

    @overload
    def __getitem__[A, B](self, types: tuple[type[A], type[B]], /) -> "MapMaker[A, B]": ...
    @overload
    def __getitem__(self, types: tuple[Any, Any], /) -> "MapMaker[Any, Any]": ...
    def __getitem__(self, types: Any, /) -> "MapMaker[Any, Any]":
        """Raises `ArgumentError` unless there are two types."""
        given = cast("tuple[Any, ...]", types) if isinstance(types, tuple) else (types,)
        if len(given) != 2:
            raise ArgumentError(f"a map is of two types, as in d.map[str, User]('users'), and not of {types!r}")
        return MapMaker(self._client, given)

    def __call__(self, name: str, *, shards: int = SHARDS, timeout: float = 5.0) -> DistributedMap[K, V]:
        types = (Any, Any) if self._annotation is Any else self._annotation
        return DistributedMap(self._client, name, timeout, checked_shards(shards, name), types)
