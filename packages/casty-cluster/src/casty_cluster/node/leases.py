"""Asking for the lease that decides which side of a divided cluster goes on."""

import asyncio
import logging
from hashlib import sha256
from typing import Final

from casty.errors import CastyError
from casty.plugins import PluginRegistry, build_options
from casty.spi.downing import Acquire

logger = logging.getLogger("casty.cluster")

SECONDS: Final = 60.0
"""For which the winner holds the lease: longer than the other side takes to ask for it."""
PATIENCE: Final = 5.0
"""Seconds that the lease's store has to answer; no answer is a lease that was not got."""


async def decide_by_lease(plugins: PluginRegistry, url: str | None, acquire: Acquire) -> bool:
    """Whether this node's side has the lease. Never raises for the store's sake."""
    await asyncio.sleep(acquire.delay)
    if url is None:
        logger.error(
            "a lease decides who goes on, and none is configured: set [cluster.downing] lease = 'postgresql://…'"
        )
        return False
    # All nodes of one side give the same nodes up: together they are one owner.
    side = sha256(repr(sorted(acquire.won.nodes)).encode()).hexdigest()
    try:
        async with asyncio.timeout(PATIENCE):
            provider = plugins.lease(url)
            async with provider.open(url, build_options(provider, {})) as store:
                grant = await store.acquire(acquire.lease, side, SECONDS)
    except (CastyError, OSError, TimeoutError) as error:
        logger.error("the lease %s cannot be asked for, so this side does not have it: %s", acquire.lease, error)
        return False
    return grant is not None
