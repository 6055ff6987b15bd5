"""What a check of a lease store is given, and the decorator that lists it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.lease import LeaseStore
from casty.testing.conformance.checks import RoomChecks

type OpenLeases = Callable[[], AbstractAsyncContextManager[LeaseStore]]
"""Opens the store under test, with the leases that there are."""

type Check = Callable[[OpenLeases], Awaitable[None]]
"""Raises `AssertionError` if the store does not do what the check's name says."""

Checks = RoomChecks[None, Check]
"""Every store promises the same."""
