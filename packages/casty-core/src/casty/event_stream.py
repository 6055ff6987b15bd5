"""The bus on which an actor system publishes what happens to it."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Collection, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from casty.callables import named, takes
from casty.errors import ArgumentError
from casty.interruption import raise_unless_failure

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One handler's interest in one type; `cancel()` ends it."""

    event_type: type
    handler: Callable[[Any], object]
    stream: "EventStream"

    def cancel(self) -> None:
        self.stream.end(self)


class EventStream:
    """Hands each published event to the handlers of its class and of that class's ancestors, at once, in order of
    subscription.

    A handler that raises is logged and harms neither the publisher nor the other handlers. An async handler runs as a
    task of its own for each event, beside the publisher; several of them may run at once.
    """

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[None], None] = {}
        # Not the context of a publisher: what a command handler sends waits for its events, what a subscriber sends
        # does not.
        self._context = copy_context()
        self._subscriptions: list[Subscription] = []
        self._by_type: dict[type, tuple[Callable[[Any], object], ...]] = {}

    def subscribe[E](self, event_type: type[E], handler: Callable[[E], object]) -> Subscription:
        """Call `handler` with each event of that type from now on. Raises `ArgumentError` for what is no class, or
        cannot be called.
        """
        given: Any = event_type
        if not isinstance(given, type) or not callable(handler):
            raise ArgumentError(
                f"subscribe takes a class of events and a function, as in subscribe(DeadLetter, handler), "
                f"not {given!r} and {handler!r}"
            )
        if not takes(handler, 1):
            raise ArgumentError(
                f"a subscriber is called with the event, and {named(handler)} does not take one argument; write it as "
                "def handler(event)"
            )
        subscription = Subscription(event_type, handler, self)
        self._subscriptions.append(subscription)
        self._by_type.clear()
        return subscription

    def unsubscribe[E](self, event_type: type[E], handler: Callable[[E], object]) -> None:
        """Ends every subscription of this handler to this type; nothing happens if there is none."""
        self._subscriptions = [
            s for s in self._subscriptions if not (s.event_type is event_type and s.handler == handler)
        ]
        self._by_type.clear()

    def end(self, subscription: Subscription) -> None:
        """Ends this one subscription, and no other of the same handler; nothing happens if it has ended already."""
        self._subscriptions = [s for s in self._subscriptions if s is not subscription]
        self._by_type.clear()

    def wants(self, event_type: type) -> bool:
        """Whether there is a subscriber, so that a publisher need not make the event."""
        handlers = self._by_type.get(event_type)
        return bool(self._handlers(event_type) if handlers is None else handlers)

    def publish(self, event: object) -> None:
        for handler in self._handlers(type(event)):
            try:
                result = handler(event)
                if inspect.iscoroutine(result):
                    self._start(result, handler)
            except BaseException as error:
                raise_unless_failure(error)
                logger.exception("a subscriber to %s failed: %r", type(event).__name__, handler)

    @property
    def running(self) -> Collection[asyncio.Task[None]]:
        """What async handlers have not ended yet; for the system that stops."""
        return tuple(self._running)

    def _start(self, handling: Coroutine[Any, Any, object], handler: Callable[[Any], object]) -> None:
        async def run() -> None:
            try:
                await handling
            except BaseException as error:
                raise_unless_failure(error, asyncio.current_task())
                logger.exception("an async subscriber failed: %s", named(handler))

        run_once = run()
        try:
            task = asyncio.get_running_loop().create_task(
                run_once, name=f"casty-subscriber {named(handler)}", context=self._context
            )
        except BaseException:
            run_once.close()
            handling.close()
            raise
        self._running[task] = None
        task.add_done_callback(self._running.pop)

    def _handlers(self, event_type: type) -> tuple[Callable[[Any], object], ...]:
        try:
            return self._by_type[event_type]
        except KeyError:
            handlers = tuple(s.handler for s in self._subscriptions if issubclass(event_type, s.event_type))
            self._by_type[event_type] = handlers
            return handlers
