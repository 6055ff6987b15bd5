"""A lease that renews itself and reports when it is lost."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, final

from casty.clock import Clock
from casty.errors import LeaseError
from casty.interruption import raise_unless_failure
from casty.spi.lease import LeaseStore

from casty_cluster.node.driver import Driver
from casty_cluster.protocol.lease_holder import (
    Acquire,
    Answered,
    Ask,
    Denied,
    Effect,
    Failed,
    GiveBack,
    Granted,
    Input,
    LeaseHolder,
    Lost,
    Release,
)

logger = logging.getLogger("casty.cluster")

SECONDS: Final = 15.0


@final
class Lease:
    """The lease `name` of a store, for one `owner`. Leaving `async with` releases it.

    A lease is not a lock: it protects resources that check its token, and work that ends at once while `check` is true.
    `on_lost` is called with the reason when a lease that was held is lost.
    """

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        owner: str,
        *,
        on_lost: Callable[[str], None],
        seconds: float = SECONDS,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._on_lost = on_lost
        self._seconds = seconds
        self._clock: Clock = clock or asyncio.get_running_loop()
        self._holder = LeaseHolder(seconds)
        self._driver: Driver[Input, Effect] = Driver(self._holder, self._clock, self._carry_out)
        self._asking: asyncio.Task[None] | None = None
        self._giving_back: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[int | None]] = []

    @property
    def token(self) -> int | None:
        """Higher than the tokens of all earlier holders; None while the lease is not held."""
        return self._holder.token

    def check(self) -> bool:
        """Whether no other holder can have the lease now."""
        return self._holder.check(self._clock.time())

    async def acquire(self) -> int | None:
        """Return the token if the lease is granted; None if another holder has it, or if the store fails."""
        if self.token is not None:
            return self.token
        granted: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(granted)
        self._driver.handle(Acquire())
        return await granted

    async def release(self) -> None:
        """Release the lease if it is held. Pending `acquire` calls return None."""
        self._driver.handle(Release())
        self._resolve_waiting(None)
        while (task := self._asking or self._giving_back) is not None:
            await task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.release()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Ask(attempt):
                self._asking = asyncio.ensure_future(self._ask(f"{self._owner}/{attempt}"))
            case GiveBack(token):
                self._giving_back = asyncio.ensure_future(self._give_back(token, self._giving_back))
            case Granted(token):
                self._resolve_waiting(token)
            case Denied(reason):
                logger.info("the lease %s was not granted: %s", self._name, reason)
                self._resolve_waiting(None)
            case Lost(reason):
                logger.warning("the lease %s is lost: %s", self._name, reason)
                self._on_lost(reason)

    def _resolve_waiting(self, token: int | None) -> None:
        waiting, self._waiting = self._waiting, []
        for granted in waiting:
            if not granted.done():
                granted.set_result(token)

    async def _ask(self, owner: str) -> None:
        given: Input
        try:
            async with asyncio.timeout(self._seconds / 3):
                given = Answered(await self._store.acquire(self._name, owner, self._seconds))
        except BaseException as error:  # pending callers must be notified, whatever it is
            raise_unless_failure(error, asyncio.current_task())
            given = Failed(str(error) or f"the store did not answer in time ({type(error).__name__})")
        self._asking = None
        self._driver.handle(given)

    async def _give_back(self, token: int, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await before
        try:
            async with asyncio.timeout(self._seconds / 3):
                await self._store.release(self._name, token)
        except (LeaseError, OSError) as error:
            logger.info("the lease %s could not be released and will expire: %s", self._name, error)
        if self._giving_back is asyncio.current_task():
            self._giving_back = None
