"""What the handles of all structures have in common, and the simple ones: counter, register, set."""

from collections.abc import AsyncGenerator
from typing import Any, Final, cast

from casty.coordination.client import Client
from casty.coordination.operations import Destroy
from casty.coordination.structures import counter, members, register
from casty.coordination.values import Keys, Values
from casty.errors import ArgumentError
from casty.quantities import check_count, checked_seconds

SHARDS: Final = 100
LONGEST_NAME: Final = 500
"""Bytes: an entity's id is part of its address."""
LONGEST_TIME: Final = 10 * 365 * 86_400.0


def checked_name(name: object, kind: str) -> str:
    """Raises `ArgumentError` for a name that no structure can have."""
    if not isinstance(name, str) or not name or "\0" in name or name.encode(errors="ignore").decode() != name:
        raise ArgumentError(f"the name of the {kind} is a text that is not empty and holds no NUL, and not {name!r}")
    if (size := len(name.encode())) > LONGEST_NAME:
        raise ArgumentError(
            f"the name of the {kind} has at most {LONGEST_NAME} bytes, and {name[:40]!r}… has {size:,}: use a shorter "
            "one, such as a hash of it"
        )
    return name


def checked_shards(shards: int, name: str) -> int:
    """Raises `ArgumentError` unless it is a whole number from 1 on."""
    check_count(shards, f"shards of {name!r}")
    return shards


def finite_seconds(value: object, what: str, *, least: float = 0.001) -> float:
    """Raises `ArgumentError` unless it is a length of time that can end."""
    seconds = checked_seconds(value, what, zero=False)
    if not least <= seconds <= LONGEST_TIME:
        raise ArgumentError(f"{what} is a number of seconds from {least:g} to {LONGEST_TIME:,.0f}, not {value!r}")
    return seconds


def whole(number: object, what: str) -> int:
    """Raises `ArgumentError` unless it is a whole number."""
    if type(number) is not int:
        raise ArgumentError(f"{what} is a whole number, not {number!r}")
    return number


class Handle:
    """One structure, as one caller uses it. Making a handle does nothing; any number may be made."""

    def __init__(self, client: Client, kind: str, name: str, timeout: float) -> None:
        self.name = checked_name(name, kind)
        self.timeout = checked_seconds(timeout, f"timeout of the {kind} {name!r}", zero=False)
        """Seconds after which an operation without a reply raises `TimeoutError`."""
        self._client = client
        self._kind = kind
        self._entity = f"{kind}:{name}"

    @property
    def _what(self) -> str:
        return f"the {self._kind} {self.name!r}"

    async def _call(self, method: str, command: Any) -> Any:
        return await self._client.call(self._entity, command, f"{method} of {self._what}", self.timeout)

    async def destroy(self) -> None:
        """Remove the structure. Its next use, by any handle, finds an empty one."""
        await self._call("destroy", Destroy())


class DistributedCounter(Handle):
    """A whole number of any size. Each change returns the value after it."""

    async def increment(self, n: int = 1) -> int:
        """Add `n`, which may be negative. Returns the sum."""
        return cast("int", await self._call("increment", counter.Add(whole(n, "n of increment"))))

    async def decrement(self, n: int = 1) -> int:
        """Subtract `n`. Returns the difference."""
        return cast("int", await self._call("decrement", counter.Add(-whole(n, "n of decrement"))))

    async def get(self) -> int:
        return cast("int", await self._call("get", counter.Get()))

    async def get_and_reset(self) -> int:
        """Set the counter to 0. Returns the value before."""
        return cast("int", await self._call("get_and_reset", counter.Reset()))


class DistributedRegister[V](Handle):
    """One value. Values are equal here if they are encoded alike."""

    def __init__(self, client: Client, kind: str, name: str, timeout: float, annotation: Any = Any) -> None:
        super().__init__(client, kind, name, timeout)
        self._values = Values[V](annotation, client.serializer, self._what)

    async def get(self) -> V | None:
        """The value, None if none has been set."""
        return self._values.read(await self._call("get", register.Read()))

    async def set(self, value: V) -> None:
        await self._call("set", register.Write(self._encoded(value)))

    async def compare_and_set(self, expected: V | None, value: V) -> bool:
        """Replace `expected` by `value`. Returns whether it was there; None stands for no value."""
        before = None if expected is None else self._values.dumps(expected)
        command = register.CompareAndSet(before, self._encoded(value, before or b""))
        return cast("bool", await self._call("compare_and_set", command))

    def _encoded(self, value: V, *beside: bytes) -> bytes:
        if value is None:
            raise ArgumentError(
                f"{self._what} cannot hold None, which stands for no value; destroy() removes its value"
            )
        return self._values.dumps(value, *beside)


class DistributedSet[V](Handle):
    """Members in no order, each of which is there once. They are equal here if they are of one type and encoded alike:
    `1` and `True` are two members.
    """

    def __init__(self, client: Client, kind: str, name: str, timeout: float, annotation: Any = Any) -> None:
        super().__init__(client, kind, name, timeout)
        self._keys = Keys[V](annotation, client.serializer, self._what)

    async def add(self, member: V) -> bool:
        """Whether it was missing."""
        return cast("bool", await self._call("add", members.Add(self._keys.dumps(member))))

    async def remove(self, member: V) -> bool:
        """Whether it was there."""
        return cast("bool", await self._call("remove", members.Remove(self._keys.dumps(member))))

    async def contains(self, member: V) -> bool:
        return cast("bool", await self._call("contains", members.Contains(self._keys.dumps(member))))

    async def size(self) -> int:
        return cast("int", await self._call("size", members.Size()))

    async def members(self) -> AsyncGenerator[V]:
        """All members, a page at a time: those that come or go meanwhile may be among them or not."""
        after = b""
        while page := await self._call("members", members.Page(after)):
            for member, _ in page:
                yield self._keys.loads(member)
            after = page[-1][0]
