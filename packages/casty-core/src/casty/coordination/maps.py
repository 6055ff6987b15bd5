"""The handle of a map, whose keys are spread over many entities."""

import logging
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final, cast, overload
from zlib import crc32

from casty.coordination.client import Client
from casty.coordination.handles import Handle, finite_seconds
from casty.coordination.operations import Destroy
from casty.coordination.structures import map_commands as commands
from casty.coordination.values import Keys, Values

logger = logging.getLogger("casty")

POLL: Final = 10.0
"""Seconds after which a watcher asks again."""
UNSEEN: Final = -1
"""No key has this revision."""


class DistributedMap[K, V](Handle):
    """Values by key. Keys are equal here if they are of one type and encoded alike: `1`, `True` and `"1"` are three
    keys. Each key is used by one operation at a time; what spans several keys, such as `items`, sees them one by one.
    """

    def __init__(self, client: Client, name: str, timeout: float, shards: int, types: tuple[Any, Any]) -> None:
        super().__init__(client, "map", name, timeout)
        self._shards = shards
        self._agreed = False
        """Whether the map is known to be divided into these shards."""
        serializer = client.serializer
        self._keys = Keys[K](types[0], serializer, f"{self._what} (keys)")
        self._values = Values[V](types[1], serializer, self._what)

    async def put(self, key: K, value: V, *, ttl: float | None = None) -> V | None:
        """Set a key's value, for `ttl` seconds if given. Returns the value before, None if there was none.

        None stands for a value before that this program cannot read, too, such as one of another type; a warning in
        the log names it.
        """
        encoded = self._keys.dumps(key)
        command = commands.Put(self._shards, encoded, self._values.dumps(value, encoded), self._checked_ttl(ttl))
        before = await self._ask("put", encoded, command)
        try:
            return self._values.read(before)
        except Exception as error:
            # The new value is stored, so this is no error of the operation: its caller must not take it for undone.
            logger.warning("put of %s has replaced a value that cannot be returned: %s", self._what, error)
            return None

    async def put_if_absent(self, key: K, value: V, *, ttl: float | None = None) -> bool:
        """Set the value of a key that has none. Returns whether it had none."""
        encoded = self._keys.dumps(key)
        stored = self._values.dumps(value, encoded)
        command = commands.PutIfAbsent(self._shards, encoded, stored, self._checked_ttl(ttl))
        return cast("bool", await self._ask("put_if_absent", encoded, command))

    async def compare_and_set(self, key: K, expected: V, value: V) -> bool:
        """Replace a key's value if it is `expected`; its time to live stays. Returns whether it was."""
        encoded = self._keys.dumps(key)
        before = self._values.dumps(expected, encoded)
        command = commands.CompareAndSet(self._shards, encoded, before, self._values.dumps(value, encoded, before))
        return cast("bool", await self._ask("compare_and_set", encoded, command))

    @overload
    async def get(self, key: K) -> V | None: ...
    @overload
    async def get[D](self, key: K, default: D) -> V | D: ...
    async def get(self, key: K, default: Any = None) -> Any:
        """The key's value, or `default` if it has none."""
        encoded = self._keys.dumps(key)
        found = await self._ask("get", encoded, commands.Get(self._shards, encoded))
        return default if found is None else self._values.loads(found)

    async def contains(self, key: K) -> bool:
        encoded = self._keys.dumps(key)
        return await self._ask("contains", encoded, commands.Get(self._shards, encoded)) is not None

    async def delete(self, key: K) -> bool:
        """Remove a key. Returns whether it was there."""
        encoded = self._keys.dumps(key)
        return cast("bool", await self._ask("delete", encoded, commands.Delete(self._shards, encoded)))

    async def items(self) -> AsyncGenerator[tuple[K, V]]:
        """All keys and values, a page at a time: what changes meanwhile may be seen or not."""
        await self._agree("items")
        for bucket in range(self._shards):
            after = b""
            while page := await self._send("items", bucket, commands.Page(self._shards, after)):
                for key, value in page:
                    yield self._keys.loads(key), self._values.loads(value)
                after = page[-1][0]

    async def watch(self, key: K) -> AsyncGenerator[V | None]:
        """The key's value, and then each change of it, None where the key is missing.

        Changes that follow each other faster than they are taken are seen as one. Raises `TimeoutError` when the map
        cannot be reached for its timeout.
        """
        encoded = self._keys.dumps(key)
        entity, what = self._bucket(self._bucket_of(encoded)), f"watch of {self._what}"
        seen = UNSEEN
        while True:
            await self._agree("watch")
            make = partial(commands.Watch, self._shards, encoded, seen)
            with self._client.operation() as operation:
                found: commands.Seen = await operation.wait(entity, make, what, self.timeout, each=POLL)
            seen = found.revision
            yield self._values.read(found.value)

    async def destroy(self) -> None:
        """Remove all keys, one bucket after the other. Its next use, by any handle, finds an empty map."""
        await self._agree("destroy")
        for bucket in reversed(range(self._shards)):  # the first one at last: it knows how many there are
            await self._send("destroy", bucket, Destroy())
        self._agreed = False

    async def _agree(self, method: str, *, writes: bool = False) -> None:
        """Make sure, once, that this handle finds the keys that handles elsewhere store. Raises `ArgumentError`.

        The first bucket knows the number of shards from the first write on; until then, each operation asks again.
        """
        if not self._agreed:
            command = commands.Divide(self._shards) if writes else commands.Division(self._shards)
            self._agreed = await self._send(method, 0, command)

    async def _ask(self, method: str, key: bytes, command: Any) -> Any:
        await self._agree(method, writes=isinstance(command, commands.Put | commands.PutIfAbsent))
        return await self._send(method, self._bucket_of(key), command)

    async def _send(self, method: str, bucket: int, command: Any) -> Any:
        return await self._client.call(self._bucket(bucket), command, f"{method} of {self._what}", self.timeout)

    def _bucket_of(self, key: bytes) -> int:
        return crc32(key) % self._shards

    def _bucket(self, number: int) -> str:
        return f"{self._kind}:{number}:{self.name}"

    def _checked_ttl(self, ttl: float | None) -> float | None:
        return None if ttl is None else finite_seconds(ttl, f"ttl of a key of {self._what}")
