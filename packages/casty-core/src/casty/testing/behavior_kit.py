"""Drives a behavior synchronously, without an actor system: what it does comes out as values."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, cast, overload, override

from casty.behaviors.persistent import DurableStateBehavior, EventSourcedBehavior
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
    """One behavior, started at once, and whatever it does: effects, messages to itself and to its children, log lines.

    Nothing is carried out: children are inboxes, timers never fire, watched actors never end; tell the behavior what
    they would. An exception of a handler comes out of `run`, and the behavior stays as it was: supervision and spies
    need an actor system. So does whatever really suspends, which is an AssertionError that says so, and a
    behavior that writes to a journal, which has `EventSourcedTestKit`.
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
        """What `ctx.now()` and `ctx.time()` go by; see `pass_time`."""
        self._context = RecordingContext(f"/{name}", parent, self.clock)
        self._wrapping = EMPTY
        self._handler: Handler[Any] | None = None
        self._returned: Behavior[Any] | None = None
        check_spawnable(behavior)
        self._become(behavior, starting=True)

    @property
    def ref(self) -> ActorRef[M]:
        """What the behavior knows as `ctx.self`."""
        return self._context.self

    @property
    def is_alive(self) -> bool:
        """False once the behavior has stopped."""
        return self._handler is not None

    @property
    def returned_behavior(self) -> Behavior[M]:
        """What the handler answered to the last message, as it stands. AssertionError before the first one."""
        if self._returned is None:
            raise AssertionError(f"{self} has not run a message yet")
        return self._returned

    @property
    def log_entries(self) -> Sequence[LogEntry]:
        """What the behavior has written to `ctx.log`."""
        return tuple(self._context.entries)

    @property
    def self_inbox(self) -> TestInbox[M]:
        """What the behavior has told itself and has not been run: see `run_one`."""
        return self._context.inbox

    def child_inbox(self, name: str) -> TestInbox[Any]:
        """What was told to the newest child of that name, stopped or not."""
        if name not in self._context.inboxes:
            raise AssertionError(f"{self} has no child {name!r}; its children: {listing(self._context.inboxes)}")
        return self._context.inboxes[name]

    def run(self, message: M) -> None:
        """Handle a message, and after it what it unstashes. Raises what the handler raises."""
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
        """Handle the next message that the behavior has told itself; that message. AssertionError if there is none."""
        message = self.self_inbox.receive()
        self.run(message)
        return message

    @overload
    def expect_effect[E: Effect](self, wanted: type[E]) -> E: ...

    @overload
    def expect_effect[E: Effect](self, wanted: E) -> E: ...

    def expect_effect(self, wanted: object) -> object:
        """The next effect, taken: an instance of `wanted` if that is a type, else equal to it.

        `NoEffects()` stands for none. Raises AssertionError, with what there is, for anything else.
        """
        effects = self._context.effects
        found = effects[0] if effects else NoEffects()
        if not meets(found, wanted):
            raise AssertionError(f"{self} expected the effect {show(wanted)}, but there is {listing(effects)}")
        del effects[:1]
        return found

    def retrieve_effects(self) -> list[Effect]:
        """Every effect since the start or the last look, taken, in order."""
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
                    f"the handler of {type(message).__qualname__} answered {answer!r}, which is no behavior; "
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
