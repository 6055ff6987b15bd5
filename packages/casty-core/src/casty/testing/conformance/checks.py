"""How the kits of this package list their checks; what a check asks is its own kit's business.

A kit is a package of the same shape for each kind of backend. Its `registry` names the three things that are its own,
and makes of them the decorator of its rooms:

    type OpenDoor = Callable[[], Door]                 # what a check is given: something that makes the backend
    type Check = Callable[[OpenDoor], Awaitable[None]]  # what a check is; plain or async, as the backend is
    Checks = RoomChecks[DoorCapabilities, Check]        # with what a backend may promise

Each room of the kit is a module that looks at one side of the contract. It has one list, by the name of `check`, and
what it decorates is named by a sentence that is true of every backend that is right:

    check = Checks(lambda capabilities: capabilities.lockable)

    @check
    async def a_locked_door_stays_shut(open_door: OpenDoor) -> None: ...

    @check.where(lambda capabilities: capabilities.durable)
    async def it_is_locked_after_a_restart(open_door: OpenDoor) -> None: ...

Its `catalog` puts the rooms in order and offers `checks(capabilities)`, which asks each room for its
`check.of(capabilities)`; the kit's `__init__` re-exports that function and the types that a backend's author needs. A
room whose checks have to know what is promised gives them the capabilities as a second argument, and its catalog lets
them be `held_to` these.

A check raises `AssertionError` in words (see `expectations`), needs no pytest, and expects a backend that is empty.
Whatever else a backend raises, or that it never ends, becomes an `AssertionError` here, so that no check fails by a
bare `KeyError` that might as well be the kit's own.
"""

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, cast

from casty.interruption import described, interrupts

PATIENCE = 120.0
"""Seconds that an async check may take."""

type Promise[Capabilities] = Callable[[Capabilities], bool]
"""Whether a backend promises what a check looks at."""


class RoomChecks[Capabilities, Check: Callable[..., object]]:
    """The checks of one room, in the order in which they stand there; used as their decorator."""

    def __init__(self, promise: Promise[Capabilities] = lambda _: True) -> None:
        self._promise = promise
        self._listed: list[tuple[Promise[Capabilities], Check]] = []

    def __call__(self, check: Check) -> Check:
        return self.where(lambda _: True)(check)

    def where(self, promise: Promise[Capabilities]) -> Callable[[Check], Check]:
        """The decorator for a check that looks at something which not every backend of this room promises."""

        def listing(check: Check) -> Check:
            guarded = _in_words(check)
            self._listed.append((promise, guarded))
            return guarded

        return listing

    def of(self, capabilities: Capabilities) -> list[Check]:
        """Those that a backend with these capabilities has to pass."""
        if not self._promise(capabilities):
            return []
        return [check for promise, check in self._listed if promise(capabilities)]


def held_to[Given, Capabilities, Result](
    capabilities: Capabilities, check: Callable[[Given, Capabilities], Result]
) -> Callable[[Given], Result]:
    """The check of a backend that promises just this."""

    @wraps(check)
    def held(given: Given) -> Result:
        return check(given, capabilities)

    return held


def _in_words[Check: Callable[..., object]](check: Check) -> Check:
    """The check, which fails by nothing but an `AssertionError` with a sentence."""
    called = cast(Callable[..., Any], check)
    name = called.__name__.replace("_", " ")

    @wraps(called)
    async def awaited(*given: object) -> None:
        with _sentences(name):
            limit = asyncio.timeout(PATIENCE)
            try:
                async with limit:
                    await called(*given)
            except TimeoutError:
                if not limit.expired():
                    raise
                raise AssertionError(f"{name}: it has not come to an end within {PATIENCE:g} s") from None

    @wraps(called)
    def plain(*given: object) -> None:
        with _sentences(name):
            called(*given)

    return cast(Check, awaited if iscoroutinefunction(called) else plain)


@contextmanager
def _sentences(name: str) -> Generator[None]:
    try:
        yield
    except AssertionError as error:
        if not str(error):
            raise AssertionError(f"{name}: an assertion failed that has no text") from error
        raise
    except (Exception, CancelledError) as error:
        if interrupts(error):
            raise
        raise AssertionError(
            f"{name}: {described(error)} was raised, where the contract has no place for it; its traceback is above"
        ) from error
