"""What a check of a journal is given, and the decorator that lists it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.journal import JournalCapabilities, JournalStore
from casty.testing.conformance.checks import RoomChecks

type OpenStore = Callable[[], AbstractAsyncContextManager[JournalStore]]
"""Opens the store under test; where it is durable, with what was stored before."""

type OpenReadOnly = Callable[..., AbstractAsyncContextManager[JournalStore]]
"""The same, called with `read_only=True`: the function of a store that declares `read_only` takes that argument."""

type DeclaredCheck = Callable[[OpenStore, JournalCapabilities], Awaitable[None]]
"""A check that needs to know what the store's provider declares."""

type Check = Callable[[OpenStore], Awaitable[None]]
"""Raises `AssertionError` if the store does not do what the check's name says."""

Declared = RoomChecks[JournalCapabilities, DeclaredCheck]
Checks = RoomChecks[JournalCapabilities, Check]
