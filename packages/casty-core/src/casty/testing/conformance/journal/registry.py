"""What a check is, and how the rooms of this package list theirs."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from casty.spi.journal import JournalCapabilities, JournalStore

type OpenStore = Callable[[], AbstractAsyncContextManager[JournalStore]]
"""Opens the store under test; where it is durable, with what was stored before."""

type Check = Callable[[OpenStore], Awaitable[None]]
"""Raises `AssertionError` if the store does not do what the check's name says."""

type Promise = Callable[[JournalCapabilities], bool]
"""Whether a store promises what a check looks at."""


class Checks:
    """The checks of one room, in the order in which they stand there; used as their decorator."""

    def __init__(self, promise: Promise = lambda _: True) -> None:
        self._promise = promise
        self._listed: list[tuple[Promise, Check]] = []

    def __call__(self, check: Check) -> Check:
        return self.where(lambda _: True)(check)

    def where(self, promise: Promise) -> Callable[[Check], Check]:
        """The decorator for a check that looks at something which not every store of this room promises."""

        def listing(check: Check) -> Check:
            self._listed.append((promise, check))
            return check

        return listing

    def of(self, capabilities: JournalCapabilities) -> list[Check]:
        """Those that a store with these capabilities has to pass."""
        if not self._promise(capabilities):
            return []
        return [check for promise, check in self._listed if promise(capabilities)]
