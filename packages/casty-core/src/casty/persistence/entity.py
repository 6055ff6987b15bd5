"""Interprets an event-sourced behavior: commands in, events to the journal, output when they are durable.

Commands are handled on the optimistic state while earlier writes are in flight (pipelining); what they send is
released in their order, each after its own events and those of every command before it. If a write fails, nothing
that was not released ever is: the actor fails with the journal's error, and its next incarnation replays.
"""

import asyncio
import logging
from asyncio import Future, Lock, Task
from collections import deque
from collections.abc import Callable, Collection, Sequence
from types import CoroutineType
from typing import Any, Final, Protocol, cast, override

from casty.behaviors.arguments import check_state, check_tags
from casty.behaviors.functions import refuse_coroutine
from casty.behaviors.initial import fresh_state
from casty.behaviors.persistent import CONFIRMED, EventSourcedBehavior, PersistedBehavior, UpdatedBehavior
from casty.behaviors.values import SAME, Behavior
from casty.errors import (
    BehaviorError,
    CastyError,
    JournalClosedError,
    JournalError,
    JournalOverloadedError,
    ReplicationTimeoutError,
)
from casty.interruption import interrupts, raise_unless_failure
from casty.output_commit import CURRENT
from casty.persistence.entity_log import EntityLog, Save
from casty.persistence.outbox import Outbox
from casty.persistence.turns import Turns
from casty.ref import ActorRef

logger = logging.getLogger("casty")

UNCONFIRMED: Final = 2**63
"""Higher than every event's number."""
MOST_DOUBLINGS: Final = 6
"""How often the distance to the next snapshot doubles, where none can be encoded."""
MAX_UNCONFIRMED: Final = 10_000
"""Commands of one entity that may wait for a confirmation: as many as may wait for a journal."""


class Host(Protocol):
    """The actor around an entity."""

    def fail(self, error: BaseException) -> None:
        """Let supervision decide about a failure that no handler raised."""
        ...

    def reply(self, reply: tuple[ActorRef[Any], Any]) -> None:
        """Tell a reference its message. Where its mailbox is full, that is a dead letter: no handler runs any more that
        could take the exception.
        """
        ...

    def lost(self, command: object, reason: str, error: Exception) -> None:
        """A command that was taken from the mailbox has not happened; `error` is the journal's."""
        ...

    def overdue(self, command: object, error: CastyError) -> None:
        """Whether a command happens is not known in time: its asks fail, and nothing else."""
        ...


class InFlight(Outbox):
    """A command from its handling until its output may go."""

    __slots__ = ("command", "entity", "needs")

    def __init__(self, entity: "EventSourcedEntity", command: object) -> None:
        super().__init__()
        self.entity = entity
        self.command = command
        self.needs = 0
        """The event that has to be durable first: its own last one, or that of the command before it."""

    @override
    async def predecessors(self) -> None:
        await self.entity.settled()
        self.entity.check()


class EventSourcedEntity:
    """One incarnation of an event-sourced actor."""

    _complaint = "the snapshot of %s could not be saved"

    def __init__(self, behavior: EventSourcedBehavior[Any, Any, Any], log: EntityLog, host: Host) -> None:
        self._behavior = behavior
        self._on_command = behavior.on_command
        self._on_event = behavior.on_event
        self._tagger = behavior.tagger
        self._snapshots = behavior.snapshot_policy
        self._log = log
        self._host = host
        self._state: Any = None
        """That of the last command, once `recover` has begun it."""
        self._sequence_nr = 0
        self._durable = 0
        """The last event that is stored for certain."""
        self._in_flight: deque[InFlight] = deque()
        self._unconfirmed: list[tuple[InFlight, int]] = []
        """Commands that wait for the next confirmation, with the events that they need then."""
        self._confirming: Task[None] | None = None
        self._drained: list[Future[None]] = []
        self._saving: set[Task[None]] = set()
        self._saving_order = Lock()
        self._unencodable = 0
        """How many of the last snapshots in a row could not be encoded; the first one was logged."""
        self._save_from = 0
        """The event from which a snapshot is due again."""
        self._failure: Exception | None = None
        self._closed = False

    async def recover(self) -> None:
        """Fold the stored history. Raises what the journal, the serializer or `on_event` raise."""
        await self._log.take_over()
        snapshot = await self._log.load_snapshot()
        if snapshot is None:
            self._state = self._initial_state()
        else:
            self._sequence_nr, self._state = snapshot.sequence_nr, snapshot.state
        turns = Turns()
        before = -1
        while before != self._sequence_nr:
            before = self._sequence_nr
            for persisted in await self._log.replay(before + 1):
                if persisted.sequence_nr != self._sequence_nr + 1:
                    raise self._incomplete(persisted.sequence_nr)
                self._state = self._applied(self._state, persisted.event)
                self._sequence_nr += 1
                await turns.end_if_due()
        self._durable = self._sequence_nr

    @property
    def state(self) -> Any:
        """That after the last command, or the recovered one before the first."""
        return self._state

    def _initial_state(self) -> Any:
        return fresh_state(self._behavior.entity_id, self._behavior.initial_state)

    async def handle(self, ctx: Any, command: Any) -> Behavior[Any]:
        """The actor's handler: run the command and keep what it sends until it may go."""
        entry = InFlight(self, command)
        try:
            token = CURRENT.set(entry)
            try:
                result = await self._on_command(ctx, self._state, command)
            finally:
                CURRENT.reset(token)
            return self._accept(entry, result)
        except BaseException as error:
            entry.discard()
            if self._failure is None or interrupts(error):
                raise
            return self._lose(entry, self._failure)  # whatever it ran into, it ran on a state that has never been

    def _accept(self, entry: InFlight, result: Behavior[Any]) -> Behavior[Any]:
        entry.undecided = False
        if self._failure is not None:
            # The write of an earlier command failed while this one was handled: its state has never been.
            entry.discard()
            return self._lose(entry, self._failure)
        if self._closed:
            entry.discard()
            return self._lose(entry, JournalClosedError("its handler ended after the actor had stopped"))
        following = result
        confirms = result is CONFIRMED and self._log.is_contested and not entry.is_empty
        if confirms and len(self._unconfirmed) >= MAX_UNCONFIRMED:
            raise JournalOverloadedError(
                f"{MAX_UNCONFIRMED} commands of {self._behavior.entity_id!r} wait until it is certain that no other "
                "node runs it; send fewer at once, or look for what keeps its journal or its copies from replying"
            )
        if type(result) is PersistedBehavior:
            following = self._persist(entry, result)
        elif type(result) is UpdatedBehavior:
            raise BehaviorError(
                "Behaviors.updated(...) is only for the on_command of Behaviors.durable_state; that of "
                "Behaviors.event_sourced returns Behaviors.persisted([events])"
            )
        entry.needs = self._sequence_nr
        self._in_flight.append(entry)
        if result is CONFIRMED:
            following = SAME
        if confirms:
            self._confirm(entry)
        elif self._durable == entry.needs:
            self._release()
        return following

    def _persist(self, entry: InFlight, result: PersistedBehavior) -> Behavior[Any]:
        events = result.events
        state = self._state
        if events:
            for event in events:
                state = self._applied(state, event)
            tags = () if self._tagger is None else [self._tags_of(self._tagger, event) for event in events]
            last = self._sequence_nr + len(events)
            if self._snapshots is not None and (
                (last >= self._save_from and last % self._snapshots.n_events < len(events))
                or (self._behavior.forget_at is not None and any(map(self._behavior.forget_at, events)))
            ):
                self._hold_save(entry, last, state, every=self._snapshots.n_events, keep=self._snapshots.keep)
            self._log.append(self._sequence_nr + 1, events, tags, self._settle)
            self._state = state
            self._sequence_nr = last
        if result.reply is not None:
            entry.hold(self._host.reply, result.reply)
        then = result.then
        if callable(then):
            entry.hold(self._run(then), state)
            return SAME
        return SAME if then is None else then

    def _applied(self, state: Any, event: Any) -> Any:
        """The state after the event. Raises `BehaviorError` for what is certainly none, before it is stored."""
        following: Any = self._on_event(state, event)
        if following is None or type(cast("object", following)) is CoroutineType:
            check_state(following, state, event, self._on_event)
        return following

    def _tags_of(self, tagger: Callable[[Any], Sequence[str]], event: Any) -> Sequence[str]:
        tags = tagger(event)
        check_tags(tags, event, tagger)
        return tags

    def _run(self, then: Callable[[Any], None]) -> Callable[[Any], None]:
        def run(state: Any) -> None:
            try:
                refuse_coroutine(then(state), "then= of Behaviors.persisted", then)
            except BaseException as error:
                raise_unless_failure(error)
                self._host.fail(error)

        return run

    def _settle(self, number: int, error: Exception | None) -> None:
        """The outcome of every event up to that number."""
        if error is None:
            # A feature that waits for replicas may report a smaller number after a larger one.
            self._durable = max(self._durable, number)
            self._release()
        elif isinstance(error, ReplicationTimeoutError):
            for entry in self._in_flight:
                if entry.needs <= number:
                    self._host.overdue(entry.command, error)
        else:
            self._fail(error)

    def _release(self) -> None:
        """Send what waits for nothing any more."""
        in_flight, durable = self._in_flight, self._durable
        while in_flight and in_flight[0].needs <= durable:
            in_flight.popleft().release()
        if not in_flight and self._drained:
            self._wake_drained()

    def _fail(self, error: Exception) -> None:
        """A write failed: the commands from it on have not happened, however far they got."""
        if self._failure is not None:
            return
        self._failure = error
        while self._in_flight:
            entry = self._in_flight.popleft()
            entry.discard()
            failed = (
                "its reply could not be confirmed" if entry.needs == UNCONFIRMED else "its events could not be stored"
            )
            self._host.lost(entry.command, f"{failed}: {error}", error)
        self._wake_drained()
        self._host.fail(error)

    def _lose(self, entry: InFlight, failure: Exception) -> Behavior[Any]:
        self._host.lost(entry.command, f"the journal failed before it: {failure}", failure)
        return SAME

    def _confirm(self, entry: InFlight) -> None:
        """Hold an entry until it is certain that no other owner had followed when it was made."""
        self._unconfirmed.append((entry, entry.needs))
        entry.needs = UNCONFIRMED
        if self._confirming is None:
            self._confirming = asyncio.get_running_loop().create_task(self._confirm_all())

    async def _confirm_all(self) -> None:
        """One question for all that have waited for the answer to the one before."""
        try:
            while self._unconfirmed:
                entries, self._unconfirmed = self._unconfirmed, []
                try:
                    await self._log.confirm()
                except ReplicationTimeoutError as error:  # as for a write: it goes on when enough copies are back
                    self._unconfirmed = [*entries, *self._unconfirmed]
                    for entry, _ in entries:
                        self._host.overdue(entry.command, error)
                    continue
                for entry, needs in entries:
                    entry.needs = needs
                self._release()
        except CastyError as error:
            self._fail(error)
        finally:
            self._confirming = None

    def check(self) -> None:
        """Raises `JournalError` if a write has failed, so that the state has never been."""
        if self._failure is not None:
            raise JournalError("an earlier command could not be stored") from self._failure

    async def close(self) -> None:
        """Wait for the writes in flight and for snapshots being saved. A handler that has been abandoned, and ends
        later, writes nothing any more.
        """
        self._closed = True
        await self.settled()
        if self._saving:
            await asyncio.wait(self._saving)

    @property
    def tasks(self) -> Collection[Task[None]]:
        """What has not ended yet, and never may: a journal's methods may be those of a user."""
        confirming = () if self._confirming is None else (self._confirming,)
        return (*self._log.tasks, *self._saving, *confirming)

    async def settled(self) -> None:
        """Wait until the writes in flight are durable, or have failed."""
        if self._in_flight:
            drained: Future[None] = asyncio.get_running_loop().create_future()
            self._drained.append(drained)
            await drained

    def _wake_drained(self) -> None:
        drained, self._drained = self._drained, []
        for waiter in drained:
            if not waiter.done():
                waiter.set_result(None)

    def _hold_save(self, entry: InFlight, sequence_nr: int, state: Any, *, every: int, keep: int) -> None:
        """Encode the state now, as nothing promises that it is immutable, and save it when its events are durable.

        A snapshot is a shortcut: where there is none, recovery replays. So none that cannot be encoded fails a command.
        It is tried again ever more rarely: such a state is usually large, and takes long.
        """
        try:
            save = self._prepare_save(sequence_nr, state, keep)
        except BaseException as error:
            if interrupts(error):
                raise
            if not self._unencodable:
                logger.warning(
                    "the state of %s cannot be saved as a snapshot: %s; its events are stored all the same, and its "
                    "recovery replays them; make the state smaller, or raise its bounds, such as snapshot_max_payload",
                    self._behavior.entity_id,
                    "; ".join([str(error) or repr(error), *getattr(error, "__notes__", ())]),
                )
            self._unencodable += 1
            self._save_from = sequence_nr + (every << min(self._unencodable, MOST_DOUBLINGS))
        else:
            self._unencodable = 0
            entry.hold(self._save, save)

    def _prepare_save(self, sequence_nr: int, state: Any, keep: int) -> Save:
        save = self._log.prepare_snapshot(sequence_nr, state, keep)
        if self._behavior.forget_at is None:
            return save
        forget = self._log.prepare_forgetting(sequence_nr)

        async def save_and_forget() -> None:
            await save()
            await forget()

        return save_and_forget

    def _save(self, save: Save) -> None:
        task = asyncio.get_running_loop().create_task(self._try_to_save(save))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def _try_to_save(self, save: Save) -> None:
        try:
            async with self._saving_order:  # an older snapshot must not be the last to arrive
                await save()
        except BaseException as error:
            if interrupts(error):
                raise
            # The events are what counts: recovery only takes longer.
            logger.exception(self._complaint, self._behavior.entity_id)

    def _incomplete(self, found: int) -> JournalError:
        return JournalError(
            f"the history of {self._behavior.entity_id!r} is incomplete: after number {self._sequence_nr} comes event "
            f"{found}; restore those between, or a snapshot that is newer than them"
        )
