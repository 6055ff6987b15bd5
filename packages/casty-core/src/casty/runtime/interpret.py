"""Turns a behavior into a cell's handler and settings."""

from typing import Any, cast, override

from casty.behaviors.persistent import DurableStateBehavior, EventSourcedBehavior
from casty.behaviors.routing import GroupBehavior, PoolBehavior
from casty.behaviors.values import (
    SAME,
    ActBehavior,
    Behavior,
    Handler,
    IgnoreBehavior,
    ReceiveBehavior,
    SetupBehavior,
    SpyBehavior,
    StoppedBehavior,
)
from casty.errors import CastyError
from casty.events import SpyEvent
from casty.persistence.durable_state import DurableStateEntity
from casty.persistence.entity import EventSourcedEntity, Host
from casty.persistence.entity_log import LogRequest
from casty.ref import ActorRef
from casty.runtime.cell import Cell
from casty.runtime.children import check_spawnable, no_beginning
from casty.runtime.context import open_context
from casty.runtime.pending import fail_asks_with, restated
from casty.runtime.routing.group import Group
from casty.runtime.routing.pool import Pool
from casty.runtime.signals import Fail, Stop
from casty.runtime.wrapping import EMPTY, unwrap

type Persistent = EventSourcedBehavior[Any, Any, Any] | DurableStateBehavior[Any, Any]
"""What an entity interprets."""


async def become(cell: Cell, behavior: Behavior[Any], *, starting: bool = False) -> None:
    """Make `behavior` the current one. Its wrappers replace settings of their kind; others are kept.

    While starting, `pre_start` hooks run as their wrappers are met, from the outside in.
    """
    extras = cell.own_extras()
    before = extras.wrapping
    gathered = EMPTY
    extras.event_sourced = False
    while True:
        wrapping, core = unwrap(behavior)
        gathered = wrapping.within(gathered)
        extras.wrapping = gathered.over(before)
        for key in wrapping.keys:
            cell.services.discovered(key, cell.ref)
        if starting:
            for hooks in wrapping.hooks:
                if hooks.pre_start is not None:
                    await hooks.pre_start(open_context(cell))
                    cell.dispatcher.check_abandoned()
        match core:
            case SetupBehavior(factory):
                behavior = await factory(open_context(cell))
                cell.dispatcher.check_abandoned()
                check_spawnable(behavior, in_cluster=cell.services.remote is not None)
            case ReceiveBehavior(handler):
                return _install(cell, handler)
            case ActBehavior(act):
                return _install(cell, cast("Handler[Any]", act), acts=True)
            case IgnoreBehavior():
                return _install(cell, _swallow)
            case StoppedBehavior():
                cell.signal(Stop())
                return _install(cell, _swallow)
            case PoolBehavior() | GroupBehavior():
                return _install(cell, await _route(cell, core))
            case EventSourcedBehavior() | DurableStateBehavior():
                return _install(cell, await _recover(cell, cast("Persistent", core)))
            case _:
                raise no_beginning(core)


async def _route(cell: Cell, behavior: PoolBehavior[Any] | GroupBehavior[Any]) -> Handler[Any]:
    """The handler of a router, when it has started."""
    router = Pool(cell, behavior) if isinstance(behavior, PoolBehavior) else Group(cell, behavior)
    await router.start()
    cell.dispatcher.check_abandoned()
    return router.handle


async def _recover(cell: Cell, behavior: Persistent) -> Handler[Any]:
    """Bring an entity to its stored state; its handler. What raises on the way is already a matter of its journal."""
    extras = cell.own_extras()
    extras.event_sourced = True
    settings = cell.services.settings.resolve(cell.name) if cell.keeper is None else cell.keeper.settings
    log = await cell.services.journals.log_of(
        LogRequest(
            entity_id=behavior.entity_id,
            actor=cell.path,
            journal=settings.journal if behavior.journal is None else behavior.journal,
            wall_time=cell.services.system_clock.wall_time,
        )
    )
    host = CellHost(cell)
    match behavior:
        case EventSourcedBehavior():
            entity = EventSourcedEntity(behavior, log, host)
        case DurableStateBehavior():
            entity = DurableStateEntity(behavior, log, host)
    extras.resources.append(entity)
    await entity.recover()
    if behavior.on_recovery_completed is not None:
        cell.dispatcher.check_abandoned()
        await behavior.on_recovery_completed(open_context(cell), entity.state)
    return entity.handle


class CellHost(Host):
    """A cell as its entity sees it."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @override
    def fail(self, error: BaseException) -> None:
        self._cell.signal(Fail(error))

    @override
    def reply(self, reply: tuple[ActorRef[Any], Any]) -> None:
        self._cell.services.dead_letters.tell(*reply)

    @override
    def lost(self, command: object, reason: str, error: Exception) -> None:
        self._cell.services.dead_letters.publish(command, self._cell.ref, reason, error)

    @override
    def overdue(self, command: object, error: CastyError) -> None:
        fail_asks_with(self._cell, command, lambda: restated(error, str(error)))


async def _swallow(ctx: object, message: object) -> Behavior[Any]:
    return SAME


def _install(cell: Cell, handler: Handler[Any], *, acts: bool = False) -> None:
    extras = cell.own_extras()
    spies = (*extras.inherited, *extras.wrapping.spies)
    cell.intercepted = acts or bool(spies)
    cell.unchanged = None if acts else SAME
    for spy in spies:
        handler = _spied(cell, handler, spy)
    cell.handler = handler


def _spied(cell: Cell, handler: Handler[Any], spy: SpyBehavior[Any]) -> Handler[Any]:
    async def spied(ctx: Any, message: Any) -> Behavior[Any]:
        following = await handler(ctx, message)
        services = cell.services
        seen = SpyEvent(actor_path=cell.path, event=message, timestamp=services.clock.time())
        services.dead_letters.tell(spy.observer, seen)  # why: an observer that is slow is not the actor's failure
        return following

    return spied
