"""Runs commands against an event-sourced behavior in a private system, and checks that a replay agrees."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, override

from casty.behaviors.values import Behavior
from casty.clock import Clock
from casty.errors import ActorFailedError, ActorStoppedError
from casty.ref import ActorRef
from casty.runtime.cell import STOPPED, Cell
from casty.runtime.children import spawn_cell
from casty.runtime.stopping import request_stop
from casty.runtime.system import ActorSystem
from casty.testing.expecting import difference, listing
from casty.testing.inbox import TestInbox
from casty.testing.instrumenting import Execution, Given, Instrumented, Look
from casty.testing.probe import TestProbe
from casty.testing.settling import PATIENCE, settle


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The result of one command, once its events were durable."""

    command: object
    events: tuple[Any, ...]
    state: Any
    """The state after those events."""
    replies: tuple[Any, ...]
    """Messages to the reply reference, if the command was made by a factory."""

    @property
    def has_no_events(self) -> bool:
        return not self.events

    @property
    def reply(self) -> Any:
        """The only reply. Raises AssertionError if there is none, or more than one."""
        if len(self.replies) != 1:
            raise AssertionError(f"expected one reply to {self.command!r}, but there is {listing(self.replies)}")
        return self.replies[0]


class EventSourcedTestKit[M]:
    """Runs an event-sourced behavior, wrapped or not, in a private actor system with a journal in memory. For a
    behavior with a durable state, the events are its states.

    Use it with `async with`. After each command it checks that the events survive serialization (and the state, if the
    behavior takes snapshots), and that the given state was not changed. A violation is an AssertionError that names it.
    """

    def __init__(self, behavior: Behavior[M], *, clock: Clock | None = None) -> None:
        self._instrumented = Instrumented(behavior)
        self.system = ActorSystem("test", clock=clock)
        """The actor system, for probes and other actors that the entity needs."""
        self._state: Any = None

    async def __aenter__(self) -> Self:
        await self.system.__aenter__()
        try:
            self._watcher = TestProbe[Any](self.system)
            self._cell = self._start()
            await self._execute(Look(), PATIENCE)
        except BaseException:
            await self.system.shutdown()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.system.shutdown()

    @property
    def state(self) -> Any:
        """The state after the last command."""
        return self._state

    async def given(self, *events: Any) -> None:
        """Store events as if earlier commands had: the history on which the next command runs."""
        await self._execute(Given(events), PATIENCE)

    async def run(self, command: M | Callable[[ActorRef[Any]], M], within: float = PATIENCE) -> CommandResult:
        """Run a command, or the command that a factory makes for a reply reference, and wait until its events are
        durable and the actors have settled.

        Raises the command handler's exception, and AssertionError if it takes longer than `within` seconds of real time
        or the entity has stopped.
        """
        inbox = TestInbox[Any]("/reply")
        made: Any = command(inbox.ref) if callable(command) else command
        execution = await self._execute(made, within)
        return CommandResult(
            command=made, events=execution.events, state=self._state, replies=tuple(inbox.receive_all())
        )

    async def restart(self) -> None:
        """Stop the entity and start it again from its journal, snapshots included.

        Raises AssertionError if the state differs from before. An entity that has stopped already is started again.
        """
        if self._cell.state != STOPPED:
            await self._execute(Look(), PATIENCE)
        before = self._state
        request_stop(self._cell)
        await self._watcher.expect_terminated(self._cell.ref, PATIENCE)
        self._cell = self._start()
        await self._execute(Look(), PATIENCE)
        if self._state != before:
            raise AssertionError(
                f"the state did not survive a restart: {difference(before, self._state)}. A replay must give "
                "the same state: on_event may depend on nothing but the state and the event"
            )

    def _start(self) -> Cell:
        cell = spawn_cell(self.system.kernel.root, self._instrumented.behavior, None, None)
        self._watcher.watch(cell.ref)
        return cell

    async def _execute(self, command: object, within: float) -> Execution:
        execution = self._instrumented.running = Execution(command)
        try:
            async with asyncio.timeout(within):
                await self.system.ask(self._cell.ref, execution.begin, math.inf)
        except TimeoutError:
            raise AssertionError(f"{command!r} was not done within {within} s of real time") from None
        except ActorFailedError as failed:
            raise failed.__cause__ or failed from None
        except ActorStoppedError:
            end = await self._watcher.expect_terminated(self._cell.ref, within)
            raise AssertionError(
                f"the entity stopped and cannot run {command!r}; await kit.restart() to start it again. "
                f"What stopped it: {'nothing that failed' if end.reason is None else repr(end.reason)}"
            ) from end.reason
        finally:
            self._instrumented.running = None
        await settle()
        self._state = self._check(execution)
        return execution

    def _check(self, execution: Execution) -> Any:
        """Return the state after the command, if the command can be replayed."""
        entity, state = self._instrumented.entity, execution.state
        if entity is None:
            raise AssertionError("the behavior has not become an event-sourced one")
        if repr(state) != execution.shown:
            raise AssertionError(
                f"{execution.command!r} changed the state in place, from {execution.shown} to {state!r}: "
                "a handler must return a new state and never change the one that it receives"
            )
        for event in execution.events:
            self._survives("event", event)
            state = entity.on_event(state, event)
        if entity.snapshot_policy is not None:
            self._survives("state", state)
        return state

    def _survives(self, kind: str, value: object) -> None:
        restored = self.system.serializer.decode(*self.system.serializer.encode(value))
        if type(restored) is not type(value) or restored != value:
            raise AssertionError(f"the {kind} {value!r} does not survive serialization: {difference(value, restored)}")

    @override
    def __repr__(self) -> str:
        return f"EventSourcedTestKit(state={self._state!r})"
