"""The argument of checks of journals, and their decorator."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.journal import JournalCapabilities, JournalStore
from casty.testing.conformance.checks import RoomChecks

type OpenStore = Callable[[], AbstractAsyncContextManager[JournalStore]]
"""Opens the store under test; if it is durable, with its stored data."""

type OpenReadOnly = Callable[..., AbstractAsyncContextManager[JournalStore]]
"""The same, called with `read_only=True`: the function of a store that declares `read_only` takes that argument."""

type DeclaredCheck = Callable[[OpenStore, JournalCapabilities], Awaitable[None]]
"""A check that depends on the capabilities that the provider declares."""

type Check = Callable[[OpenStore], Awaitable[None]]
"""Raises `AssertionError` if the statement in the check's name is not true of the store."""

Declared = RoomChecks[JournalCapabilities, DeclaredCheck]
Checks = RoomChecks[JournalCapabilities, Check]
