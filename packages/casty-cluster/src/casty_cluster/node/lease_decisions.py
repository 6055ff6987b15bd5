"""The lease that decides which side of a partition survives: requests it from its store, and reports the decision."""

import asyncio
import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import Final, final

from casty.interruption import raise_unless_failure
from casty.plugins import PluginRegistry, build_options
from casty.spi.downing import Acquire

logger = logging.getLogger("casty.cluster")

PATIENCE: Final = 5.0
"""Seconds that the lease's store has for its answer; without one the lease counts as not granted."""


@final
class LeaseDecisions:
    """The requests of one node that are pending."""

    def __init__(self, plugins: PluginRegistry, system: str) -> None:
        self._plugins = plugins
        self._system = system
        self._context = copy_context()
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, acquire: Acquire, decided: Callable[[bool], None]) -> None:
        """Call `decided` with whether this side has the lease."""

        async def run() -> None:
            decided(await decide_by_lease(self._plugins, self._system, acquire))

        task = asyncio.create_task(run(), name=f"casty-lease-{acquire.lease}", context=self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the pending requests."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # gathering nothing needs an event loop all the same
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def decide_by_lease(plugins: PluginRegistry, system: str, acquire: Acquire) -> bool:
    """Return whether the members that would survive with this node have the lease. Never raises."""
    await asyncio.sleep(acquire.delay)
    try:
        async with asyncio.timeout(PATIENCE):
            provider = plugins.lease(acquire.store)
            async with provider.open(acquire.store, build_options(provider, {})) as store:
                grant = await store.acquire(f"{system}/{acquire.lease}", acquire.owner, acquire.seconds)
    except BaseException as error:  # whatever a plugin raises, the membership needs a decision
        raise_unless_failure(error, asyncio.current_task())
        logger.error("the lease %s cannot be requested, so this side does not have it: %s", acquire.lease, error)
        return False
    return grant is not None
