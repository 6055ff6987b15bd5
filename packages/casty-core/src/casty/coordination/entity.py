"""Runs structures as actors: event-sourced where there is a journal, in memory where there is none.

The id of an entity says what it is: `lock:deploy`, or `map:17:users` for a bucket of a map.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from casty.behaviors.behavior import Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.factory import Behaviors
from casty.behaviors.persistent import CONFIRMED, EventSourcedBehavior, SnapshotEvery
from casty.coordination.operations import Answer, Instant, Operation, OperationId, Structure
from casty.coordination.results import Recall
from casty.coordination.state import Destroyed, Happened, State
from casty.coordination.structures import Bucket, Counter, Members, Permits, Queue, Register, Rendezvous
from casty.errors import BehaviorError
from casty.ref import ActorRef
from casty.spi.event_journal import EventJournal

KINDS: Final[Mapping[str, Callable[[], Structure]]] = {
    "barrier": Rendezvous,
    "counter": Counter,
    "election": Permits,
    "lock": Permits,
    "map": Bucket,
    "queue": Queue,
    "register": Register,
    "semaphore": Permits,
    "set": Members,
}
HISTORY: Final = "casty-distributed:"
"""Before the id of an entity in its journal."""
SNAPSHOTS: Final = SnapshotEvery(1_000, keep=1)
DUE: Final = "due"


@dataclass(frozen=True, slots=True)
class Tick:
    """It is time to look at the structure."""


type Message = Operation | Tick


def entity(entity_id: str, journal: EventJournal | str | None, *, stores: bool) -> Behavior[Message]:
    """The behavior of an entity. `stores`: in that journal, or the configured one where it is None."""
    make = partial(new, entity_id)
    host = Host()
    if not stores:
        return Behaviors.receive(host.in_memory(make))
    return EventSourcedBehavior(
        entity_id=HISTORY + entity_id,
        initial_state=make,
        on_event=applied,
        on_command=host.on_command,
        journal=journal,
        snapshot_policy=SNAPSHOTS,
        forget_at=is_end,
    )


def new(entity_id: str) -> State:
    """Raises `BehaviorError` for an id of an unknown kind: only when it starts, as a region may make an entity of any
    id to look at.
    """
    kind = entity_id.partition(":")[0]
    if kind not in KINDS:
        raise BehaviorError(f"this node knows no structure of the kind {kind!r}; all nodes need a version that has it")
    return State(KINDS[kind]())


def is_end(happened: Happened) -> bool:
    return isinstance(happened.fact, Destroyed)


def applied(state: State, happened: Happened) -> State:
    """The same object: it is this incarnation's own, which ends with it if a write fails."""
    state.apply(happened)
    return state


class Host:
    """One incarnation of an entity: the callers that await replies, and the timer. Decisions are the structure's."""

    def __init__(self) -> None:
        self._callers: dict[OperationId, ActorRef[Any]] = {}
        self._planned: float | None = None

    def in_memory(self, make: Callable[[], State]) -> Any:
        """A handler that keeps the state itself."""
        state: State | None = None

        async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
            nonlocal state
            state = state or make()
            happened, answers = self._decide(ctx, state, message)
            for one in happened:
                state.apply(one)
            self._reply(answers)
            self._settle(ctx, state, happened)
            return Behaviors.same()

        return receive

    async def on_command(self, ctx: ActorContext[Message], state: State, message: Message) -> Behavior[Any]:
        """Handle a message; replies leave when the facts before them are durable."""
        happened, answers = self._decide(ctx, state, message)
        self._reply(answers)
        if happened:
            return Behaviors.persisted(happened, then=lambda state: self._settle(ctx, state, happened))
        self._plan(ctx, state)
        # A reply from the state alone could be out of date: this node may have been removed without its knowledge. That
        # a caller still waits is one too: where it stops waiting then, nothing has come until now.
        return CONFIRMED if answers else Behaviors.same()

    def _decide(
        self, ctx: ActorContext[Message], state: State, message: Message
    ) -> tuple[Sequence[Happened], Sequence[Answer]]:
        match message:
            case Operation():
                self._callers[message.id] = message.reply_to
                return state.decide(message, instant(ctx))
            case Tick():
                self._planned = None
                return state.tick(instant(ctx))

    def _settle(self, ctx: ActorContext[Message], state: State, happened: Sequence[Happened]) -> None:
        """The facts are durable: reply to the operations that caused them."""
        results = ((one.by, state.results.find(one.by)) for one in happened if one.by is not None)
        # A result that is gone is that of a client which has gone on, and does not wait.
        self._reply([Answer(to, result) for to, result in results if not isinstance(result, Recall)])
        self._plan(ctx, state)

    def _reply(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            caller = self._callers.pop(answer.to, None)
            if caller is not None:
                caller.tell(answer.value)

    def _plan(self, ctx: ActorContext[Message], state: State) -> None:
        now = instant(ctx)
        due = state.structure.due(now)
        if due == self._planned:
            return
        self._planned = due
        if due is None:
            ctx.timers.cancel(DUE)
        else:
            ctx.timers.start(DUE, Tick(), after=max(0.0, due - now.time))


def instant(ctx: ActorContext[Any]) -> Instant:
    return Instant(ctx.time(), ctx.now().timestamp())
