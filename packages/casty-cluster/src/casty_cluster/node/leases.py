"""Asking for the lease that decides which side of a divided cluster goes on."""

import asyncio
import logging
from typing import Final

from casty.interruption import raise_unless_failure
from casty.plugins import PluginRegistry, build_options
from casty.spi.downing import Acquire

logger = logging.getLogger("casty.cluster")

PATIENCE: Final = 5.0
"""Seconds that the lease's store has to answer; no answer is a lease that was not got."""


async def decide_by_lease(plugins: PluginRegistry, system: str, acquire: Acquire) -> bool:
    """Whether those who would go on with this node have the lease. Never raises."""
    await asyncio.sleep(acquire.delay)
    try:
        async with asyncio.timeout(PATIENCE):
            provider = plugins.lease(acquire.store)
            async with provider.open(acquire.store, build_options(provider, {})) as store:
                grant = await store.acquire(f"{system}/{acquire.lease}", acquire.owner, acquire.seconds)
    except BaseException as error:  # somebody else's store: whatever it raises, the side must be told
        raise_unless_failure(error, asyncio.current_task())
        logger.error("the lease %s cannot be asked for, so this side does not have it: %s", acquire.lease, error)
        return False
    return grant is not None
