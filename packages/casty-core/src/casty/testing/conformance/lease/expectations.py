"""What the checks ask of a lease store."""

from typing import Final

from casty.spi.lease import LeaseGrant, LeaseStore
from casty.testing.conformance.expectations import expect

LONG: Final = 60.0
"""Seconds of a lease that does not run out during a check."""

SHORT: Final = 0.3
"""Seconds of one that does."""


async def granted(store: LeaseStore, owner: str, seconds: float = LONG, name: str = "lease") -> LeaseGrant:
    """The grant that there must be."""
    grant = await store.acquire(name, owner, seconds)
    if grant is None:
        raise AssertionError(f"{owner!r} asked for a lease that nobody else has: wanted a grant, there is None")
    return grant


async def refused(store: LeaseStore, owner: str, seconds: float = LONG, name: str = "lease") -> None:
    grant = await store.acquire(name, owner, seconds)
    expect(grant is None, f"{owner!r} asked for another one's lease: wanted None, there is {grant}")
