"""Calls from other threads: the only things of a system that are for any thread.

They travel to the event loop with `call_soon_threadsafe`, which wakes it. What a shutdown leaves undone fails with
`SystemStoppedError`, so that no thread waits for a loop that has ended.
"""

from asyncio import AbstractEventLoop, Task
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Lock, get_ident
from typing import Any

from casty.errors import ActorStoppedError, SystemStoppedError
from casty.ref import ActorRef
from casty.runtime.services import Services


def check_thread(expected: int) -> None:
    """Raises RuntimeError in any other thread: a call there would be seen whenever something else wakes the loop."""
    if get_ident() != expected:
        raise wrong_thread()


def wrong_thread() -> RuntimeError:
    """For hot paths, which compare threads themselves."""
    return RuntimeError(
        "Non-thread-safe operation: this thread is not that of the actor system's event loop; use "
        "system.tell_threadsafe(ref, message) or system.ask_threadsafe(ref, factory) here"
    )


class ThreadsafeCalls:
    """The tells and asks that threads make of one running system."""

    def __init__(self, services: Services, loop: AbstractEventLoop) -> None:
        self._services = services
        self._loop = loop
        self._lock = Lock()
        self._outcomes: set[Future[Any]] = set()
        self._tasks: set[Task[Any]] = set()
        self._stopping = False

    def tell(self, ref: ActorRef[Any], message: Any) -> None:
        self._call_soon(self._services.dead_letters.tell, ref, message)

    def ask(self, ref: ActorRef[Any], factory: Callable[[ActorRef[Any]], Any], timeout: float) -> Future[Any]:
        outcome: Future[Any] = Future()
        with self._lock:  # a shutdown in the loop's thread must not overlook it
            if self._stopping:
                outcome.set_exception(self._stopped())
                return outcome
            self._outcomes.add(outcome)
        outcome.add_done_callback(self._outcomes.discard)
        try:
            self._call_soon(self._start, outcome, ref, factory, timeout)
        except SystemStoppedError as error:
            _fail(outcome, error)
        return outcome

    def stop(self) -> None:
        """The shutdown has begun: no new asks."""
        with self._lock:
            self._stopping = True

    async def close(self) -> None:
        """Every actor has stopped: fail what is left."""
        for outcome in tuple(self._outcomes):
            _fail(outcome, self._stopped())
        await self._services.patience.end(tuple(self._tasks), "an ask of another thread")

    def _call_soon(self, call: Callable[..., object], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError as error:
            raise self._stopped() from error  # its loop is closed, whether it was shut down or not

    def _start(
        self, outcome: Future[Any], ref: ActorRef[Any], factory: Callable[[ActorRef[Any]], Any], timeout: float
    ) -> None:
        if outcome.done():
            return  # cancelled, or too late
        task = Task(self._services.asks.ask(ref, factory, timeout), name="casty-ask-threadsafe")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._settle(outcome, done))
        outcome.add_done_callback(lambda _: self._cancel(task))

    def _settle(self, outcome: Future[Any], task: Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            outcome.cancel()
        elif (error := task.exception()) is None:
            with suppress(InvalidStateError):
                outcome.set_result(task.result())
        elif self._stopping and isinstance(error, ActorStoppedError):
            _fail(outcome, self._stopped())
        else:
            _fail(outcome, error)

    def _cancel(self, task: Task[Any]) -> None:
        """Nothing waits for it any more; called by any thread."""
        if not task.done():
            with suppress(SystemStoppedError):
                self._call_soon(task.cancel)

    def _stopped(self) -> SystemStoppedError:
        return SystemStoppedError(f"the actor system {self._services.system.name!r} has stopped, or is stopping")


def _fail(outcome: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):
        outcome.set_exception(error)
