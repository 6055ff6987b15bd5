"""Pending asks as their targets know them: found by their message, and failed as soon as no reply can come."""

import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from casty import errors
from casty.errors import ActorStoppedError, CastyError, EncodeError, JournalError, MailboxFullError
from casty.interruption import described
from casty.ref import ActorRef
from casty.runtime.slices import SLICE


class Waiting(Protocol):
    """What a reply completes: a future of this process, or a `RemoteAskGuard` for an asker on another node."""

    def done(self) -> bool: ...

    def set_result(self, result: Any, /) -> None: ...

    def set_exception(self, exception: Exception, /) -> None: ...


class Target(Protocol):
    """The keeper of pending asks: the asked actor's cell, or `Asks` for references without one."""

    asks: "dict[int, PendingAsk] | None"
    """By the identity of their messages."""


@dataclass(slots=True, eq=False)
class PendingAsk:
    """One ask between its message's departure and its end."""

    waiting: Waiting
    target: Target
    message: object
    """None once only other holders of the reply reference can reply."""
    promise: weakref.ref[Any]
    twin: "PendingAsk | None" = None
    """Another ask with the very same message, which a factory that returns a constant makes."""


def register(target: Target, waiting: Waiting, message: object, promise: ActorRef[Any]) -> PendingAsk:
    """Let the target know that a reply to this message is expected; `release` ends it."""
    pending = PendingAsk(waiting, target, message, weakref.ref(promise))
    asks = target.asks
    key = id(message)
    if asks is None:
        target.asks = {key: pending}
    else:
        pending.twin = asks.get(key)
        asks[key] = pending
    return pending


def release(pending: PendingAsk) -> None:
    """The ask has ended. Nothing happens if its target has forgotten it already."""
    asks = pending.target.asks
    if not asks:
        return
    key = id(pending.message)
    first = asks.pop(key, None)
    if first is None or (first is pending and pending.twin is None):
        return
    left = [ask for ask in _with_twins(first) if ask is not pending]
    for ask, twin in zip(left, [*left[1:], None], strict=True):
        ask.twin = twin
    if left:
        asks[key] = left[0]


class RemoteAskGuard:
    """Watches over an ask that another node makes, whose asker watches the time itself.

    `failed` is called as soon as no reply can come from this process.
    """

    __slots__ = ("_failed", "deadlines", "pending")

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed: Callable[[Exception], None] | None = failed
        self.pending: PendingAsk | None = None
        self.deadlines: dict[Waiting, float] = {}

    def done(self) -> bool:
        return self._failed is None

    def set_result(self, _result: object, /) -> None:
        """The reply has been sent, or the time is over: end the guard."""
        self._failed = None
        self.deadlines.pop(self, None)
        if self.pending is not None:
            release(self.pending)
            self.pending = None

    def set_exception(self, exception: Exception, /) -> None:
        failed = self._failed
        self.set_result(None)
        if failed is not None:
            failed(exception)


def translate(target: Target, message: object, adapted: object) -> None:
    """An adapter has made another message of an asked one: its asks go with that."""
    first = target.asks.pop(id(message), None) if target.asks else None
    if target.asks is not None and first is not None:
        asks = _with_twins(first)
        for pending in asks:
            pending.message = adapted
        asks[-1].twin = target.asks.get(id(adapted))
        target.asks[id(adapted)] = first


def move(source: Target, message: object, target: Target) -> None:
    """Another actor will handle an asked message: its asks go with it."""
    first = source.asks.pop(id(message), None) if source.asks else None
    if first is None:
        return
    for pending in _with_twins(first):
        pending.target = target
    if target.asks is None:
        target.asks = {}
    target.asks[id(message)] = first


def fail_asks_with(target: Target, message: object, make_error: Callable[[], Exception]) -> None:
    """Fail the asks with this very message."""
    first = target.asks.get(id(message)) if target.asks else None
    for pending in _with_twins(first):
        fail(pending.waiting, make_error())


def _with_twins(first: PendingAsk | None) -> list[PendingAsk]:
    found: list[PendingAsk] = []
    while first is not None:
        found.append(first)
        first = first.twin
    return found


def orphan_asks(target: Target, loop: AbstractEventLoop, make_error: Callable[[], ActorStoppedError]) -> None:
    """The target has stopped: fail each ask as soon as no other actor or task holds its reply reference."""
    asks, target.asks = target.asks, None
    if asks:
        _orphan(asks, loop, make_error())


def _orphan(asks: dict[int, PendingAsk], loop: AbstractEventLoop, error: ActorStoppedError) -> None:
    for _ in range(min(SLICE, len(asks))):
        for pending in _with_twins(asks.popitem()[1]):
            pending.message = None
            promise = pending.promise()
            if promise is None:
                fail(pending.waiting, error)
            else:
                weakref.finalize(promise, _fail_soon, loop, pending.waiting, error).atexit = False
                del promise
    if asks:
        loop.call_soon(_orphan, asks, loop, error)


def _fail_soon(loop: AbstractEventLoop, waiting: Waiting, error: ActorStoppedError) -> None:
    """Wherever the last reference was dropped: the garbage collector may do it in any thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(fail, waiting, error)


def fail(waiting: Waiting, error: Exception) -> None:
    """No reply can come any more."""
    if not waiting.done():
        waiting.set_exception(error)


def refusal(ref: ActorRef[Any], reason: str, cause: Exception | None, failure: BaseException | None) -> Exception:
    """The error for an ask whose message was not delivered, or was taken back. `failure` has stopped the target."""
    if isinstance(cause, MailboxFullError | EncodeError):
        return cause
    text = f"{ref.address.path} cannot answer: {reason}"
    if isinstance(cause, JournalError):
        return restated(cause, text)
    error = ActorStoppedError(text if failure is None else f"{text}: {described(failure)}")
    error.__cause__ = cause if cause is not None else failure
    return error


def restated(error: CastyError, text: str) -> Exception:
    """An error of the same class of `casty.errors`, or the nearest one, that says `text` and is caused by `error`."""
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    told = kind(text)
    told.__cause__ = error
    return told
