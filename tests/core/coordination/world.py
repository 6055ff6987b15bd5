"""One entity, its callers and a bad network between them, on virtual time and seeded chance: no event loop, no actors.

Messages are lost, late and overtake each other; the entity is restarted from its journal, or from a snapshot of it. A
caller sends its operation again until a reply comes, or stops waiting: then it goes on with its next one, as a client
whose caller was cancelled does.
"""

import heapq
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from casty.coordination.operations import Instant, Operation, OperationId, Refused, Structure, Waiting
from casty.coordination.state import Happened, State
from casty.coordination.structures.queue_commands import Delivered
from casty.serialization import MsgpackSerializer
from casty.testing.linearizability import History
from casty.testing.linearizability import Operation as Observed

SERIALIZER: Final = MsgpackSerializer()
WALL: Final = 1_000_000.0
PATIENCE: Final = 3.0
"""Seconds after which a caller sends again."""


class World:
    """The entity, and the events to come."""

    def __init__(self, make: Callable[[], Structure], seed: object, *, loss: float = 0.15) -> None:
        self.random = Random(f"{seed}")
        self.time = 0.0
        self.history = History(lambda: self.time)
        self.journal: list[bytes] = []
        self.restarts = 0
        self._make = make
        self._loss = loss
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._callers: dict[OperationId, Callable[[Any], None]] = {}
        self._tick_at: float | None = None
        self.state = State(make())

    @property
    def now(self) -> Instant:
        return Instant(self.time, WALL + self.time)

    def later(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.time + delay, self._count, action))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.time, _, action = heapq.heappop(self._events)
            action()

    def send(self, operation: Operation, replied: Callable[[Any], None]) -> None:
        """Carry an operation to the entity, and its reply back, unless one of the two is lost."""
        if self.random.random() >= self._loss:
            self.later(self._delay(), lambda: self._arrive(operation, replied))

    def _delay(self) -> float:
        return self.random.choice((0.01, 0.1, 1.0, 5.0)) * self.random.random()

    def _arrive(self, operation: Operation, replied: Callable[[Any], None]) -> None:
        self._callers[operation.id] = replied
        self._carry_out(*self.state.decide(operation, self.now))

    def _carry_out(self, facts: list[Happened], answers: list[Any]) -> None:
        for answer in answers:
            self._reply(answer.to, answer.value)
        for happened in facts:
            self.journal.append(SERIALIZER.dumps(happened))
            self.state.apply(happened)
            if happened.by is not None:
                # Not by `find`, which tests replace.
                results = self.state.results.clients[happened.by.client].results
                if happened.by.number in results:
                    self._reply(happened.by, results[happened.by.number])
        due = self.state.structure.due(self.now)
        if due is not None and (self._tick_at is None or due < self._tick_at):
            self._tick_at = due
            self.later(max(0.0, due - self.time), lambda: self._tick(due))

    def _tick(self, due: float) -> None:
        if self._tick_at == due:
            self._tick_at = None
            self._carry_out(*self.state.tick(self.now))

    def _reply(self, to: OperationId, value: Any) -> None:
        replied = self._callers.pop(to, None)
        if replied is not None and self.random.random() >= self._loss:
            self.later(self._delay(), lambda: replied(value))

    def restart(self) -> None:
        """The entity's process has died: another one starts from the journal."""
        self.restarts += 1
        start = self.random.randint(0, len(self.journal))
        state = State(self._make())
        for event in self.journal[:start]:
            state.apply(self._loaded(event))
        state = SERIALIZER.loads(SERIALIZER.dumps(state))  # a snapshot
        assert isinstance(state, State)
        for event in self.journal[start:]:
            state.apply(self._loaded(event))
        assert SERIALIZER.dumps(state.results) == SERIALIZER.dumps(self.state.results)
        assert state.structure == self.state.structure
        self.state = state
        self._callers.clear()
        self._tick_at = None

    def _loaded(self, event: bytes) -> Happened:
        happened = SERIALIZER.loads(event)
        assert isinstance(happened, Happened)
        return happened


class Caller:
    """Carries out one operation after the other, as `Client` does."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.number = 0

    def go_on(self, calls: Iterator[tuple[tuple[Any, ...], Any]]) -> None:
        """Take the next pair of a call, as the history has it, and its command."""
        for call, command in calls:
            self.call(call, command, lambda _: self.go_on(calls), lambda: self.go_on(calls))
            break

    def call(
        self,
        call: tuple[Any, ...] | None,
        command: Any,
        done: Callable[[Any], None],
        abandoned: Callable[[], None],
        *,
        attempts: int = 4,
    ) -> "Call":
        self.number += 1
        return Call(self, call, command, done, abandoned, attempts)


class Call:
    """One operation from its first attempt to its end."""

    def __init__(
        self,
        caller: Caller,
        call: tuple[Any, ...] | None,
        command: Any,
        done: Callable[[Any], None],
        abandoned: Callable[[], None],
        attempts: int,
    ) -> None:
        self.world = caller.world
        self.caller = caller
        self.id = OperationId(caller.name, caller.number)
        self.call = call
        self.command = command
        self.invoked = self.sent = self.world.time
        self._done = done
        self._abandoned = abandoned
        self._attempts = attempts
        self.attempt = 0
        self._ended = False
        self._send(retry=True)

    def _send(self, *, retry: bool) -> None:
        self.attempt += retry
        self.sent = sent = self.world.time
        message = Operation(id=self.id, settled=self.id.number, attempt=self.attempt, command=self.command)
        self.world.send(message, lambda value: self._replied(value, sent))
        self.world.later(PATIENCE, lambda: self._overdue(sent))

    def _replied(self, value: Any, sent: float) -> None:
        if self._ended or sent != self.sent:
            return  # the reply to an attempt for which it does not wait any more
        if isinstance(value, Waiting):
            self._send(retry=False)
            return
        assert not isinstance(value, Refused), value
        self._ended = True
        if self.call is not None:
            self._observe(value)
        self._done(value)

    def _observe(self, value: Any) -> None:
        assert self.call is not None
        value = value.item if isinstance(value, Delivered) else value  # what a handle returns
        observed = Observed(
            process=self.caller.name, call=self.call, invoked=self.invoked, returned=self.world.time, result=value
        )
        self.world.history.add(observed)

    def _overdue(self, sent: float) -> None:
        if self._ended or sent != self.sent:
            return
        if self.attempt < self._attempts:
            self._send(retry=True)
            return
        self._ended = True
        if self.call is not None:
            self.world.history.add(Observed(process=self.caller.name, call=self.call, invoked=self.invoked))
        self._abandoned()
