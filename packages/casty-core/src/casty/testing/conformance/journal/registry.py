"""What a check of a journal is given, and the decorator that lists it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.journal import JournalCapabilities, JournalStore
from casty.testing.conformance.checks import RoomChecks

type OpenStore = Callable[[], AbstractAsyncContextManager[JournalStore]]
"""Opens the store under test; where it is durable, with what was stored before."""

type Check = Callable[[OpenStore], Awaitable[None]]
"""Raises `AssertionError` if the store does not do what the check's name says."""

Checks = RoomChecks[JournalCapabilities, Check]
