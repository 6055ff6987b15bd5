"""The argument of checks of lease stores, and their decorator."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.lease import LeaseStore
from casty.testing.conformance.checks import RoomChecks

type OpenLeases = Callable[[], AbstractAsyncContextManager[LeaseStore]]
"""Opens the store under test, with its existing leases."""

type Check = Callable[[OpenLeases], Awaitable[None]]
"""Raises `AssertionError` if the statement in the check's name is not true of the store."""

Checks = RoomChecks[None, Check]
"""All stores have the same capabilities."""
