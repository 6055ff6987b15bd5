"""Expectations of the checks of lease stores."""

from typing import Final

from casty.spi.lease import LeaseGrant, LeaseStore
from casty.testing.conformance.expectations import expect

LONG: Final = 60.0
"""Duration of a lease that does not expire during a check, in seconds."""

SHORT: Final = 0.3
"""Duration of a lease that expires, in seconds."""


async def granted(store: LeaseStore, owner: str, seconds: float = LONG, name: str = "lease") -> LeaseGrant:
    """Acquire the lease, and expect a grant."""
    grant = await store.acquire(name, owner, seconds)
    if grant is None:
        raise AssertionError(f"{owner!r} requested a free lease: wanted a grant, there is None")
    return grant


async def refused(store: LeaseStore, owner: str, seconds: float = LONG, name: str = "lease") -> None:
    grant = await store.acquire(name, owner, seconds)
    expect(grant is None, f"{owner!r} requested a lease of another owner: wanted None, there is {grant}")
