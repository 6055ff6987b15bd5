"""Drives a behavior synchronously, without an actor system, and returns its effects as values."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, cast, overload, override

from casty.behaviors.persistent import DurableStateBehavior, EventSourcedBehavior
from casty.behaviors.routing import RouterBehavior
from casty.behaviors.values import (
    SAME,
    Behavior,
    Handler,
    Hook,
    IgnoreBehavior,
    ReceiveBehavior,
    RestartBehavior,
    SameBehavior,
    SetupBehavior,
    StoppedBehavior,
    UnhandledBehavior,
)
from casty.errors import BehaviorError
from casty.ref import ActorRef
from casty.runtime.children import check_spawnable
from casty.runtime.wrapping import EMPTY, unwrap
from casty.testing.clock import ManualClock
from casty.testing.effects import Effect, NoEffects, Restarted, Unhandled
from casty.testing.expecting import listing, meets, show
from casty.testing.inbox import TestInbox
from casty.testing.recording import LogEntry, RecordingContext
from casty.testing.stepping import step_through


class BehaviorTestKit[M]:
    """Starts one behavior and records what it does: effects, messages to itself and to its children, log lines.

    Effects are not executed: children are inboxes, timers never fire, watched actors never stop; send their messages
    to the behavior yourself. `run` raises a handler's exception, and the behavior stays as it was: supervision and
    spies need an actor system. A handler that suspends needs one too, and raises an AssertionError here. For a
    behavior that writes to a journal there is `EventSourcedTestKit`.
    """

    def __init__(
        self,
        behavior: Behavior[M],
        name: str = "actor",
        *,
        parent: ActorRef[Any] | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self._initial = behavior
        self.clock = ManualClock() if clock is None else clock
        """The clock of `ctx.now()` and `ctx.time()`; see `pass_time`."""
        self._context = RecordingContext(f"/{name}", parent, self.clock)
        self._wrapping = EMPTY
        self._handler: Handler[Any] | None = None
        self._returned: Behavior[Any] | None = None
        check_spawnable(behavior)
        self._become(behavior, starting=True)

    @property
    def ref(self) -> ActorRef[M]:
        """The behavior's `ctx.self`."""
        return self._context.self

    @property
    def is_alive(self) -> bool:
        """False once the behavior has stopped."""
        return self._handler is not None

    @property
    def returned_behavior(self) -> Behavior[M]:
        """The behavior that the handler returned for the last message, unchanged. AssertionError before the first
        one.
        """
        if self._returned is None:
            raise AssertionError(f"{self} has not run a message yet")
        return self._returned

    @property
    def log_entries(self) -> Sequence[LogEntry]:
        """The records that the behavior has written to `ctx.log`."""
        return tuple(self._context.entries)

    @property
    def self_inbox(self) -> TestInbox[M]:
        """Messages that the behavior has sent to itself and that have not run yet; see `run_one`."""
        return self._context.inbox

    def child_inbox(self, name: str) -> TestInbox[Any]:
        """Messages sent to the newest child with that name, stopped or not."""
        if name not in self._context.inboxes:
            raise AssertionError(f"{self} has no child {name!r}; its children: {listing(self._context.inboxes)}")
        return self._context.inboxes[name]

    def run(self, message: M) -> None:
        """Handle a message, and then the messages that it unstashes. Raises the handler's exception."""
        todo: deque[Any] = deque([message])
        while todo:
            if self._handler is None:
                raise AssertionError(f"{self} has stopped and cannot handle {todo[0]!r}")
            self._handle(self._handler, todo.popleft())
            todo.extendleft(reversed(self._context.due))
            self._context.due.clear()

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the behavior. Its timers are effects, and never fire by themselves."""
        self.clock.stall(seconds)

    def run_one(self) -> M:
        """Handle the next message that the behavior has sent to itself, and return it. AssertionError if none is
        left.
        """
        message = self.self_inbox.receive()
        self.run(message)
        return message

    @overload
    def expect_effect[E: Effect](self, wanted: type[E]) -> E: ...

    @overload
    def expect_effect[E: Effect](self, wanted: E) -> E: ...

    def expect_effect(self, wanted: object) -> object:
        """Remove and return the next effect: an instance of `wanted` if that is a type, else equal to it.

        `NoEffects()` expects none. Raises AssertionError with the actual effects otherwise.
        """
        effects = self._context.effects
        found = effects[0] if effects else NoEffects()
        if not meets(found, wanted):
            raise AssertionError(f"{self} expected the effect {show(wanted)}, but there is {listing(effects)}")
        del effects[:1]
        return found

    def retrieve_effects(self) -> list[Effect]:
        """Remove and return all effects since the start or the last call, in order."""
        effects = list(self._context.effects)
        self._context.effects.clear()
        return effects

    def _handle(self, handler: Handler[Any], message: Any) -> None:
        answer: Any = step_through(handler(self._context, message), f"the handler of {type(message).__qualname__}")
        self._returned = answer
        match answer:
            case SameBehavior():
                pass
            case StoppedBehavior():
                self._context.stopping = True
            case UnhandledBehavior():
                self._context.effects.append(Unhandled(message))
            case RestartBehavior():
                self._restart()
            case Behavior():
                self._become(cast("Behavior[Any]", answer))
            case _:
                raise BehaviorError(
                    f"the handler of {type(message).__qualname__} returned {answer!r}, which is not a behavior; "
                    "return Behaviors.same() to keep the current one"
                )
        if self._context.stopping:
            self._stop()

    def _become(self, behavior: Behavior[Any], *, starting: bool = False) -> None:
        before, gathered = self._wrapping, EMPTY
        while True:
            wrapping, core = unwrap(behavior)
            gathered = wrapping.within(gathered)
            self._wrapping = gathered.over(before)
            if starting:
                self._run_hooks(hooks.pre_start for hooks in wrapping.hooks)
            match core:
                case SetupBehavior(factory):
                    behavior = step_through(factory(self._context), "the factory of Behaviors.setup")
                    check_spawnable(behavior)
                case ReceiveBehavior(handler):
                    self._handler = handler
                    break
                case IgnoreBehavior():
                    self._handler = _swallow
                    break
                case StoppedBehavior():
                    self._context.stopping = True
                    break
                case EventSourcedBehavior() | DurableStateBehavior():
                    raise AssertionError("a behavior that writes to a journal needs one: use EventSourcedTestKit")
                case RouterBehavior():
                    raise AssertionError("a router needs an actor system: test it in one, with TestProbe")
                case _:
                    raise BehaviorError(f"a behavior cannot become {type(core).__name__}")
        if starting and self._context.stopping:
            self._stop()

    def _restart(self) -> None:
        context = self._context
        context.effects.append(Restarted())
        context.living.clear()
        context.due += context.put_aside
        context.put_aside = []
        self._wrapping = EMPTY
        self._become(self._initial, starting=True)
        self._run_hooks(hooks.post_restart for hooks in self._wrapping.hooks)

    def _stop(self) -> None:
        self._handler = None
        self._context.living.clear()
        self._run_hooks(hooks.post_stop for hooks in reversed(self._wrapping.hooks))

    def _run_hooks(self, hooks: Iterable[Hook[Any] | None]) -> None:
        for hook in hooks:
            if hook is not None:
                step_through(hook(self._context), "a lifecycle hook")

    @override
    def __repr__(self) -> str:
        return f"BehaviorTestKit({self._context.self.address.path!r})"


async def _swallow(_ctx: object, _message: object) -> Behavior[Any]:
    return SAME
