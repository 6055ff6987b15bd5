"""When a projection steps and when it waits: at the journal's end, behind another projector, after a failure."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, final

from casty import entropy
from casty.behaviors.supervision import Backoff
from casty.clock import Clock
from casty.errors import ProjectionError
from casty.interruption import interrupts
from casty.projections.projector import AtEnd, Failed, Handled, Overtaken, Projector, described
from casty.projections.setbacks import Setbacks
from casty.projections.values import OnError
from casty.projections.waiters import Waiters

type OpenProjector = Callable[[], AbstractAsyncContextManager[Projector[Any, Any]]]

logger = logging.getLogger("casty")


@final
class Follower:
    """The run of one projection, from `begin` to `end`."""

    def __init__(
        self,
        name: str,
        *,
        on_error: OnError,
        batch_size: int,
        poll_interval: float,
        backoff: Backoff,
        clock: Clock | None,
    ) -> None:
        self._name = name
        self._on_error = on_error
        self._batch_size = batch_size
        self._poll_interval = poll_interval
        self._backoff = backoff
        self._random = entropy.source().random()
        self._given_clock = clock
        self._ended: Exception | None = ProjectionError(
            f"the projection {name!r} is not running; use it inside 'async with', or call run()"
        )
        self._waiters = Waiters()
        self._woken = asyncio.Event()
        self._setbacks = self._no_setbacks()
        self._last_failure: BaseException | None = None
        self._is_behind_another = False

    def begin(self) -> None:
        """Raises `ProjectionError` if it is running."""
        if self._ended is None:
            raise ProjectionError(f"the projection {self._name!r} is running already")
        self._ended = None
        # An event belongs to the event loop on which it was first waited for.
        self._woken = asyncio.Event()
        self._setbacks = self._no_setbacks()
        self._last_failure = None

    def end(self, error: Exception | None = None) -> None:
        """Fail all waiting callers; the first reason counts."""
        if self._ended is None:
            self._ended = error or ProjectionError(f"the projection {self._name!r} was stopped")
            self._waiters.end(self._ended)

    def wake(self) -> None:
        """There may be new events."""
        self._woken.set()

    async def follow(self, open_projector: OpenProjector) -> None:
        """Step until cancelled. A failed projector is reopened. Raises `ProjectionError` where it cannot continue."""
        is_cancelled = _cancellation()
        while True:
            try:
                async with open_projector() as projector:
                    while not is_cancelled():
                        await self._step(projector)
            except ProjectionError as error:
                logger.error("%s", error)
                self.end(error)
                raise
            except BaseException as error:
                if interrupts(error):
                    raise
                if not is_cancelled():
                    await self._back_off(error, "its journal or its offset store failed")

            if is_cancelled():
                # A handler has swallowed it, or turned it into another error.
                raise asyncio.CancelledError

    async def run_once(self, projector: Projector[Any, Any]) -> int:
        """Step to the journal's end, and return how many events were handled. Raises what fails."""
        events = 0
        setbacks = self._no_setbacks()
        while True:
            match await projector.step(setbacks.batch_size(self._batch_size)):
                case Handled() as handled:
                    events += handled.events
                    setbacks.progressed(handled.offset)
                    await asyncio.sleep(0)
                case AtEnd():
                    return events
                case Overtaken():
                    await asyncio.sleep(0)
                case Failed() as failed:
                    if setbacks.is_guilty(failed.entry.offset):
                        await self._give_up(projector, failed)

    async def caught_up(self, highest: int, timeout: float) -> None:
        """Wait until everything up to the offset `highest` is handled."""
        if self._ended is not None:
            raise self._ended
        told = self._waiters.add(highest)

        def expire() -> None:
            if not told.done():
                last = f"; its last failure: {self._last_failure!r}" if self._last_failure else ""
                told.set_exception(
                    TimeoutError(f"the projection {self._name!r} has not caught up within {timeout:g} s{last}")
                )

        timer = self._clock.call_later(timeout, expire)
        self.wake()
        try:
            await told
        finally:
            timer.cancel()

    async def _step(self, projector: Projector[Any, Any]) -> None:
        present = self._waiters.present()
        match await projector.step(self._setbacks.batch_size(self._batch_size)):
            case Handled() as handled:
                self._is_behind_another = False
                self._progressed(handled.offset)
                await asyncio.sleep(0)  # neither the journal nor the handler need ever have suspended
            case AtEnd(offset):
                self._progressed(offset)
                self._waiters.found_nothing(present)
                await self._wait(self._poll_interval, self._woken)
                self._woken.clear()
            case Overtaken() as overtaken:
                self._tell_of_another(overtaken)
                await self._wait(self._poll_interval, asyncio.Event())
            case Failed() as failed:
                guilty = self._setbacks.is_guilty(failed.entry.offset)
                if guilty and self._on_error is not OnError.retry:
                    await self._give_up(projector, failed)
                else:
                    await self._back_off(failed.error, f"it could not handle {described(failed.entry)}")

    def _progressed(self, offset: int) -> None:
        self._last_failure = None
        self._setbacks.progressed(offset)
        self._waiters.reached(offset)

    async def _give_up(self, projector: Projector[Any, Any], failed: Failed) -> None:
        event = described(failed.entry)
        if self._on_error is not OnError.skip:
            raise ProjectionError(
                f"the projection {self._name!r} stopped, as it could not handle {event}: {failed.error!r}; "
                "mend the handler, or skip what it cannot handle with on_error=OnError.skip"
            ) from failed.error
        await projector.skip(failed)
        logger.error("the projection %r has left out %s", self._name, event, exc_info=failed.error)

    async def _back_off(self, error: BaseException, what: str) -> None:
        self._last_failure = error
        delay = self._setbacks.delay()
        logger.warning("the projection %r: %s; it tries again in %.1f s", self._name, what, delay, exc_info=error)
        await self._wait(delay, asyncio.Event())

    def _tell_of_another(self, overtaken: Overtaken) -> None:
        if not self._is_behind_another:
            logger.warning(
                "the projection %r runs elsewhere as well, or was rebuilt: its offset went from %d to %d meanwhile; "
                "this one waits, handles nothing twice, and takes over when the other one stops",
                self._name,
                overtaken.expected,
                overtaken.found,
            )
        self._is_behind_another = True

    async def _wait(self, seconds: float, event: asyncio.Event) -> None:
        """So many seconds, or until the event is set."""
        timer = self._clock.call_later(seconds, event.set)
        try:
            await event.wait()
        finally:
            timer.cancel()

    @property
    def _clock(self) -> Clock:
        return self._given_clock or asyncio.get_running_loop()

    def _no_setbacks(self) -> Setbacks:
        return Setbacks(self._backoff, self._random)


def _cancellation() -> Callable[[], bool]:
    """Return a function that returns whether the running task has been cancelled since this call."""
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    return lambda: task is not None and task.cancelling() > before
