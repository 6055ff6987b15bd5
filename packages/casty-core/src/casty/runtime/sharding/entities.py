"""The entities of one shard: each starts at its first message, and again at the next one after each stop.

A shard knows nothing of nodes: its owner, which is a local region or a region of a cluster, decides which messages it
gets and when it is drained. An entity that stops leaves what it has not read to a successor, which takes in messages
from then on, and starts when the entity has stopped and, where ids are remembered, when its id is stored. So no message
is lost or overtaken on the way through a stop.
"""

from asyncio import Future, shield
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Protocol, cast, override

from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.behavior import Behavior
from casty.behaviors.functions import refuse_coroutine
from casty.behaviors.values import SAME, Handler, ReceiveBehavior, SetupBehavior
from casty.config import ActorSettings
from casty.errors import ActorStoppedError
from casty.events import ActorStarted
from casty.mailbox import Mailbox
from casty.runtime.cell import IDLE, PAUSED, SCHEDULED, Cell, LocalRef
from casty.runtime.children import check_spawnable, stop_children
from casty.runtime.dead_letters import UNREAD
from casty.runtime.extras import Keeper
from casty.runtime.mailbox import CLOSED, Bounded
from casty.runtime.pending import move
from casty.runtime.revocable import REVOKED, Revocable
from casty.runtime.sharding.ids import name_of
from casty.runtime.sharding.recency import Recency
from casty.runtime.signals import Start
from casty.runtime.slices import Draining, in_slices
from casty.runtime.stopping import finish, request_stop
from casty.runtime.threads import check_thread

DRAINING: Final = "its shard is being handed over, and takes no more messages"
STOPPING: Final = "its shard is stopping, or has stopped"


class Ending(Enum):
    """Why an entity stops that has not ended by its own wish, or by a failure."""

    passivated = auto()
    retired = auto()
    """It has handled all that its shard accepted."""


class EntityCell(Cell):
    """The actor of an entity: one of its incarnations."""

    __slots__ = ("ending", "entity_id", "made")

    entity_id: str
    ending: Ending | None
    made: Behavior[Any] | None
    """What the factory has made for a start that is under way."""


class Memory(Protocol):
    """What remembers the ids of a shard's entities."""

    def remember(self, entity_id: str) -> bool:
        """Return whether the id is stored; else store it, and release the entity then."""
        ...

    def ended(self, entity_id: str, *, failed: bool) -> None:
        """An entity has stopped that was not passivated: by its own wish, which is for good, or by a failure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityCounts:
    """The entities of one shard at this moment."""

    active: int
    """Those that take messages."""
    stopping: int
    """Those whose stop has been requested, and that have not ended."""


@dataclass(frozen=True, slots=True)
class _Retire(Revocable):
    """Waits behind all messages that an entity accepted before its shard was drained, and stops it."""

    cell: EntityCell

    @override
    def take(self) -> Any:
        self.cell.ending = Ending.retired
        request_stop(self.cell)
        return REVOKED


class Entities(Keeper):
    """The entities of one shard, as the children of the actor `shard`."""

    def __init__(
        self,
        shard: Cell,
        factory: Callable[[str], Behavior[Any]],
        *,
        settings: ActorSettings,
        mailbox: Mailbox | None = None,
        recency: Recency | None = None,
    ) -> None:
        self.shard = shard
        self.settings = settings
        self.memory: Memory | None = None
        self._factory = factory
        self._mailbox = settings.mailbox if mailbox is None else mailbox
        self._recency = recency
        self._initial = SetupBehavior(self._begin)
        self._first: Handler[Any] = self._handle_first
        """The handler of an entity until its first message."""
        self._current: dict[str, EntityCell] = {}
        """The incarnations that take messages, by id."""
        self._leaving: dict[str, EntityCell] = {}
        """Those that are stopping."""
        self._draining = False
        self._empty: Future[None] | None = None
        shard.own_extras().keeper = self

    def deliver(self, entity_id: str, message: Any) -> None:
        """Tell an entity a message. Raises what `accept` raises, and `MailboxFullError`."""
        self.accept(entity_id).ref.tell(message)

    def accept(self, entity_id: str) -> Cell:
        """The actor that takes the entity's next message, started if need be.

        Raises `BehaviorError` for an id that no entity can have, and `ActorStoppedError` once the shard is drained or
        stopped.
        """
        try:
            cell = self._current.get(entity_id)
        except TypeError:  # it cannot be hashed, and so is no text
            cell = None
        if cell is None or self._draining:
            cell = self._start_new(entity_id)
        if self._recency is not None:
            self._recency.touch(cell)
        return cell

    def ref(self, entity_id: str) -> LocalRef[Any]:
        """The actor that `accept` returns."""
        return self.accept(entity_id).ref

    @property
    def counts(self) -> EntityCounts:
        return EntityCounts(active=len(self._current), stopping=len(self._leaving))

    async def drain(self) -> None:
        """Accept nothing from now on, and return when all accepted messages are handled and all entities have stopped.

        Takes as long as the entities do: an owner whose time is limited calls `stop` afterwards. What an entity still
        has in its stash then becomes dead letters.
        """
        self._draining = True
        await in_slices(self._retire, Draining(self._current.values()))
        if self._current or self._leaving:
            self._empty = self._empty or Future(loop=self.shard.dispatcher.loop)
            await shield(self._empty)  # several may wait

    async def stop(self) -> None:
        """Stop all entities after their current messages; what they have not read becomes dead letters."""
        self._draining = True
        await stop_children(self.shard)

    def release(self, entity_id: str) -> None:
        """Start an entity whose id has been stored."""
        cell = self._current.get(entity_id)
        if cell is not None and cell.state == PAUSED and entity_id not in self._leaving:
            _wake(cell)

    def start(self, entity_id: str) -> None:
        """Start an entity without a message, unless it is active."""
        if entity_id not in self._current and not self._refuses():
            cell = self._start_new(entity_id)
            cell.handler = None
            if self._recency is not None:
                self._recency.touch(cell)
            cell.own_extras()
            if cell.state == IDLE:
                cell.signal(Start())
            else:
                cell.own_extras().signals.append(Start())

    def waiting(self) -> list[str]:
        """The ids of the entities that have not started yet."""
        return [entity_id for entity_id, cell in self._current.items() if cell.state == PAUSED]

    # The life of one incarnation.

    def _start_new(self, entity_id: str) -> EntityCell:
        check_thread(self.shard.dispatcher.thread)
        checked_entity_id(entity_id)
        if (refusal := self._refuses()) is not None:
            raise ActorStoppedError(f"the entity {entity_id!r} of {self.shard.path} cannot be reached: {refusal}")
        cell = self._current[entity_id] = self._make(entity_id)
        if entity_id in self._leaving:
            _pause(cell)  # its name is still taken
        else:
            self._enter(cell)
        return cell

    def _refuses(self) -> str | None:
        if self._draining:
            return DRAINING
        return STOPPING if self._stopping() else None

    def _stopping(self) -> bool:
        return self.shard.admission is CLOSED or self.shard.own_extras().ending_family > 0

    def _make(self, entity_id: str) -> EntityCell:
        dispatcher = self.shard.dispatcher
        cell = EntityCell(dispatcher, self.shard, name_of(entity_id), next(dispatcher.services.uids), self._initial)
        cell.entity_id = entity_id
        cell.ending = cell.made = None
        cell.handler = self._first
        if self._mailbox.capacity is not None:
            cell.admission = Bounded(self._mailbox.capacity, self._mailbox.overflow)
        if self.settings.supervision is not None:
            cell.own_extras().fallback = self.settings.supervision
        return cell

    def _enter(self, cell: EntityCell) -> None:
        """Put an incarnation whose name is free into the tree, and let it run unless its id has to be stored first."""
        self.shard.own_extras().children[cell.name] = cell
        if self.memory is not None and not self.memory.remember(cell.entity_id):
            if cell.state != PAUSED:
                _pause(cell)
        elif cell.state == PAUSED:
            _wake(cell)

    async def _begin(self, ctx: Any) -> Behavior[Any]:
        """Start an entity that needs a start of its own, or start one again."""
        cell: EntityCell = ctx.self.cell
        made, cell.made = cell.made, None
        return self._make_behavior(cell) if made is None else made

    async def _handle_first(self, ctx: Any, message: Any) -> Behavior[Any]:
        """Handle the first message. Most entities are bare handlers, which need no start of their own."""
        cell: EntityCell = ctx.self.cell
        behavior = self._make_behavior(cell)
        if type(behavior) is not ReceiveBehavior:
            cell.made = behavior
            cell.handler = None
            cell.put_first([message])
            cell.signal(Start())
            return SAME
        bare = cast("ReceiveBehavior[Any]", behavior)
        cell.handler = bare.handler
        stream = cell.services.event_stream
        if stream.wants(ActorStarted):
            stream.publish(ActorStarted(cell.ref))
        following = await bare.handler(ctx, message)
        return bare if following is SAME else following

    def _make_behavior(self, cell: EntityCell) -> Behavior[Any]:
        try:
            behavior = self._factory(cell.entity_id)
            refuse_coroutine(behavior, "Behaviors.sharded", self._factory)
            check_spawnable(behavior, in_cluster=cell.services.remote is not None)
        except Exception as error:
            error.add_note(f"The entity factory was called with {cell.entity_id!r}, for {cell.path}.")
            raise
        return behavior

    # As the keeper of its children.

    @override
    def passivate(self, cell: Cell) -> None:
        if isinstance(cell, EntityCell):
            cell.ending = Ending.passivated
            request_stop(cell)

    @override
    def inherit(self, cell: Cell, unread: Sequence[Any]) -> Sequence[Any]:
        if not isinstance(cell, EntityCell) or self._current.get(cell.entity_id) is not cell:
            return unread
        del self._current[cell.entity_id]
        self._leaving[cell.entity_id] = cell
        messages = [message for message in unread if not isinstance(message, Revocable)]
        # One that failed to start would fail again for each message, without end.
        started = cell.handler is not None and cell.handler is not self._first
        if not messages or not started or self._stopping() or cell.ending is Ending.retired:
            return messages
        successor = self._current[cell.entity_id] = self._make(cell.entity_id)
        _pause(successor)
        successor.queue = messages
        for message in messages:
            move(cell, message, successor)
        if self._draining:
            successor.deliver_revocable(_Retire(successor))
        if self._recency is not None:
            self._recency.touch(successor)
        return ()

    @override
    def left(self, cell: Cell) -> None:
        if not isinstance(cell, EntityCell):
            return
        entity_id = cell.entity_id
        if self._current.get(entity_id) is cell:
            del self._current[entity_id]
        else:
            self._leaving.pop(entity_id, None)
        if self._recency is not None:
            self._recency.forget(cell)
        if self.memory is not None and cell.ending is None and not self._stopping() and not self._draining:
            self.memory.ended(entity_id, failed=cell.extras is not None and cell.extras.reason is not None)
        successor = self._current.get(entity_id)
        if successor is not None:
            if self._stopping():
                self._abandon(successor)
            else:
                self._enter(successor)
        if self._empty is not None and not self._empty.done() and not self._current and not self._leaving:
            self._empty.set_result(None)

    @override
    def why_paused(self, cell: Cell) -> str:
        if isinstance(cell, EntityCell) and cell.entity_id in self._leaving:
            return "it starts when its earlier incarnation has stopped"
        return "it starts when its id is stored, for its shard remembers its entities"

    def _abandon(self, successor: EntityCell) -> None:
        """The shard stops before the successor could start."""
        del self._current[successor.entity_id]
        unread = successor.take_waiting()
        successor.admission = CLOSED
        for message in unread:
            successor.services.dead_letters.publish(message, successor.ref, UNREAD)
        finish(successor)

    def _retire(self, cell: EntityCell) -> None:
        if cell.state == IDLE:
            cell.ending = Ending.retired
            request_stop(cell)
        else:
            cell.deliver_revocable(_Retire(cell))


def _pause(cell: EntityCell) -> None:
    """Have an incarnation that has never run take messages, and not run yet."""
    cell.state = PAUSED
    cell.queue = []
    cell.dispatcher.pause(cell)


def _wake(cell: EntityCell) -> None:
    """Let an incarnation run that has waited for its start."""
    if cell.extras is not None and cell.extras.signals:
        cell.wake()
    elif cell.queue:
        cell.dispatcher.enqueue(cell)
        cell.state = SCHEDULED
    else:
        cell.state = IDLE
        cell.queue = None
