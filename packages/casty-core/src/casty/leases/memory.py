"""Leases in memory, at `memory://`: for tests, for several nodes on one event loop, and the reference for every other
store.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from casty.errors import ConfigError
from casty.plugins.providers import LeaseProvider, NoOptions
from casty.spi.lease import LeaseGrant


class _Holding(NamedTuple):
    """The last holder of a lease, and until when it holds."""

    owner: str
    token: int
    expires: float


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class MemoryLeases:
    """Leases by one clock, in seconds: that of the running event loop unless another is given. Nothing suspends, so
    every call is atomic.
    """

    __slots__ = ("_holdings", "_now")

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or _loop_time
        self._holdings: dict[str, _Holding] = {}

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        now = self._now()
        last = self._holdings.get(name, _Holding(owner, 0, now))
        held = now < last.expires
        if held and last.owner != owner:
            return None
        token = last.token if held else last.token + 1
        self._holdings[name] = _Holding(owner, token, now + seconds)
        return LeaseGrant(token, seconds)

    async def release(self, name: str, token: int) -> bool:
        now = self._now()
        last = self._holdings.get(name)
        if last is None or last.token != token or now >= last.expires:
            return False
        # It stays here for its token, which must never be granted again.
        self._holdings[name] = last._replace(expires=now)
        return True


_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, MemoryLeases] = WeakKeyDictionary()
"""One for each event loop: its clock is the one that all users of the store share."""


@asynccontextmanager
async def open_memory(url: str, options: NoOptions) -> AsyncGenerator[MemoryLeases]:
    """The one store of this event loop, which outlives its users. Raises `ConfigError` for a wrong URL."""
    scheme, _, name = url.partition("://")
    if name:
        raise ConfigError(f"{url!r} names a lease store in memory, but they have no names; write {scheme}://")
    yield _stores.setdefault(asyncio.get_running_loop(), MemoryLeases())


PROVIDER: Final = LeaseProvider(names=("memory",), open=open_memory)
