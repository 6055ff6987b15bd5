"""An actor controlled by a test: it collects messages, and the test waits for them."""

import asyncio
from asyncio import Queue
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast, overload, override

from casty.behaviors.context import ActorContext
from casty.behaviors.values import SAME, Behavior, ReceiveBehavior
from casty.event_stream import Subscription
from casty.messages import Terminated
from casty.ref import ActorRef
from casty.runtime.children import spawn_cell
from casty.runtime.context import open_context
from casty.runtime.stopping import request_stop
from casty.runtime.system import ActorSystem
from casty.testing.clock import ManualClock
from casty.testing.expecting import listing, meets, show
from casty.testing.settling import PATIENCE, settle

REMEMBERED: Final = 5
"""Number of earlier messages that a failure names."""


class TestProbe[M]:
    """An actor whose messages the test takes one by one.

    `within` is always real time, in seconds; only a failing test uses it up. With manual time, timers fire only when
    the test advances the clock: advance it, then expect. Every failed expectation raises AssertionError
    with the actual messages.
    """

    __test__ = False  # pytest would take the class for a test

    def __init__(self, system: ActorSystem, name: str | None = None) -> None:
        self._system = system
        self._inbox: Queue[Any] = Queue()
        self._taken: deque[object] = deque(maxlen=REMEMBERED)
        self._watched: set[ActorRef[Any]] = set()
        self._cell = spawn_cell(system.kernel.root, ReceiveBehavior(self._keep), name, None)
        self.ref: ActorRef[M] = self._cell.ref

    async def _keep(self, _ctx: ActorContext[M], message: M) -> Behavior[M]:
        self._inbox.put_nowait(message)
        return SAME

    async def receive(self, within: float = PATIENCE) -> M:
        """Return the next message of any type."""
        return await self._take("a message", within)

    async def receive_n(self, count: int, within: float = PATIENCE) -> list[M]:
        """Return the next `count` messages; `within` is for all of them together."""
        end = self._now() + within
        return [await self._take(f"message {n} of {count}", end - self._now()) for n in range(1, count + 1)]

    async def receive_all(self) -> list[M]:
        """Let the actors settle (see `settle`), and return all messages received so far."""
        await settle()
        return [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]

    @overload
    async def expect_message[T](self, wanted: type[T], within: float = PATIENCE) -> T: ...

    @overload
    async def expect_message[T](self, wanted: T, within: float = PATIENCE) -> T: ...

    async def expect_message(self, wanted: object, within: float = PATIENCE) -> object:
        """Return the next message: an instance of `wanted` if that is a type, else equal to it."""
        message = await self._take(show(wanted), within)
        if not meets(message, wanted):
            raise AssertionError(f"{self} expected {show(wanted)}, but got {message!r}")
        return message

    async def expect_no_message(self, within: float = 0.1) -> None:
        """Let the actors settle (see `settle`), wait for `within` seconds, and fail if a message has arrived.

        With manual time it does not wait.
        """
        await settle()
        if self._inbox.empty() and not isinstance(self._system.kernel.clock, ManualClock):
            try:
                async with asyncio.timeout(within):
                    self._inbox.put_nowait(await self._inbox.get())
            except TimeoutError:
                return
        if came := await self.receive_all():
            raise AssertionError(f"{self} expected no message, but got {listing(came)}")

    @overload
    async def fish[T](self, wanted: type[T], within: float = PATIENCE) -> T: ...

    @overload
    async def fish(self, wanted: Callable[[M], bool], within: float = PATIENCE) -> M: ...

    async def fish(self, wanted: type[Any] | Callable[[M], bool], within: float = PATIENCE) -> Any:
        """Return the first message of type `wanted`, or for which `wanted(message)` is true; drop earlier ones."""
        end = self._now() + within
        purpose = show(wanted) if isinstance(wanted, type) else "a message that the predicate accepts"
        while True:
            message = await self._take(purpose, end - self._now())
            if isinstance(message, wanted) if isinstance(wanted, type) else wanted(message):
                return message

    async def reply(self, answer: object, within: float = PATIENCE) -> M:
        """Send `answer` to the `reply_to` of the next message, and return that message."""
        message = await self._take("a message to reply to", within)
        reply_to: object = getattr(message, "reply_to", None)
        if not isinstance(reply_to, ActorRef):
            raise AssertionError(f"{self} cannot reply to {message!r}: its reply_to is {reply_to!r}")
        cast(ActorRef[object], reply_to).tell(answer)
        return message

    def watch(self, ref: ActorRef[Any]) -> None:
        """Deliver `Terminated` to the probe when that actor stops; immediately if it has stopped already."""
        self._watched.add(ref)
        open_context(self._cell).watch(ref)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        self._watched.discard(ref)
        open_context(self._cell).unwatch(ref)

    async def expect_terminated(self, ref: ActorRef[Any], within: float = PATIENCE) -> Terminated:
        """Return the next message, `Terminated` of this actor. The probe starts to watch it if it did not before; an
        actor that has stopped before that is reported without the reason.
        """
        if ref not in self._watched:
            self.watch(ref)
        message: object = await self._take(f"the end of {ref.address.path}", within)
        if not isinstance(message, Terminated) or message.ref != ref:
            raise AssertionError(f"{self} expected the end of {ref.address.path}, but got {message!r}")
        self._watched.discard(ref)
        return message

    def subscribe(self, event_type: type[Any]) -> Subscription:
        """Receive the system's events of this type like messages from now on, at the moment of their publication."""
        return self._system.event_stream.subscribe(event_type, self._inbox.put_nowait)

    def stop(self) -> None:
        """Stop the probe's actor, for its watchers. Messages that have arrived can still be received."""
        request_stop(self._cell)

    async def _take(self, wanted: str, within: float) -> Any:
        try:
            async with asyncio.timeout(within):
                message = await self._inbox.get()
        except TimeoutError:
            raise AssertionError(
                f"{self} waited for {wanted}, but nothing arrived within {max(within, 0.0):.3g} s"
                f"{self._history()}{self._planned()}"
            ) from None
        self._taken.append(message)
        return message

    def _history(self) -> str:
        return f"; before that came {listing(self._taken)}" if self._taken else ""

    def _planned(self) -> str:
        clock = self._system.kernel.clock
        if not isinstance(clock, ManualClock):
            return ""
        waits = clock.waits()
        due = f"the next timer is due in {waits[0]} s: advance the clock" if waits else "no timer is running"
        return f"; time stands still, and {due}"

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @override
    def __repr__(self) -> str:
        return f"TestProbe({self._cell.path!r})"
