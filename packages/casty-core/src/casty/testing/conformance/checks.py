"""Registration of checks, shared by the kits of this package.

All kits have the same structure. A kit's `registry` defines three types, and from them the decorator of its modules:

    type OpenDoor = Callable[[], Door]                 # the argument of a check: it creates the backend
    type Check = Callable[[OpenDoor], Awaitable[None]]  # a check; plain or async, like the backend
    Checks = RoomChecks[DoorCapabilities, Check]        # with the capabilities that a backend may declare

Each module of the kit tests one aspect of the contract. Its decorator is called `check`, and each check is named by a
sentence that is true of every correct backend:

    check = Checks(lambda capabilities: capabilities.lockable)

    @check
    async def a_locked_door_stays_shut(open_door: OpenDoor) -> None: ...

    @check.where(lambda capabilities: capabilities.durable)
    async def it_is_locked_after_a_restart(open_door: OpenDoor) -> None: ...

The `catalog` orders the modules and provides `checks(capabilities)`, which collects `check.of(capabilities)` of each;
the kit's `__init__` re-exports that function and the types that an author needs. Checks that depend on the capabilities
take them as a second argument, which the catalog binds with `held_to`.

A check raises `AssertionError` with a sentence (see `expectations`), needs no pytest, and expects an empty backend.
Any other exception of a backend, and a check that does not end, becomes an `AssertionError` here, so that no check
fails with a bare `KeyError` that might be the kit's own.
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
"""Time limit of an async check, in seconds."""

type Promise[Capabilities] = Callable[[Capabilities], bool]
"""Whether a check applies to a backend with these capabilities."""


class RoomChecks[Capabilities, Check: Callable[..., object]]:
    """The checks of one module, in source order; used as their decorator."""

    def __init__(self, promise: Promise[Capabilities] = lambda _: True) -> None:
        self._promise = promise
        self._listed: list[tuple[Promise[Capabilities], Check]] = []

    def __call__(self, check: Check) -> Check:
        return self.where(lambda _: True)(check)

    def where(self, promise: Promise[Capabilities]) -> Callable[[Check], Check]:
        """The decorator of a check that needs further capabilities."""

        def listing(check: Check) -> Check:
            guarded = _in_words(check)
            self._listed.append((promise, guarded))
            return guarded

        return listing

    def of(self, capabilities: Capabilities) -> list[Check]:
        """The checks that a backend with these capabilities must pass."""
        if not self._promise(capabilities):
            return []
        return [check for promise, check in self._listed if promise(capabilities)]


def held_to[Given, Capabilities, Result](
    capabilities: Capabilities, check: Callable[[Given, Capabilities], Result]
) -> Callable[[Given], Result]:
    """The check, bound to these capabilities."""

    @wraps(check)
    def held(given: Given) -> Result:
        return check(given, capabilities)

    return held


def _in_words[Check: Callable[..., object]](check: Check) -> Check:
    """The check, which fails only with an `AssertionError` and a sentence."""
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
                raise AssertionError(f"{name}: the check did not end within {PATIENCE:g} s") from None

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
            raise AssertionError(f"{name}: an assertion without a text failed") from error
        raise
    except (Exception, CancelledError) as error:
        if interrupts(error):
            raise
        raise AssertionError(
            f"{name}: {described(error)} was raised, which the contract does not allow; its traceback is above"
        ) from error
