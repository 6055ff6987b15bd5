"""The tree of actors: spawning into it, finding in it, leaving it."""

import re
from asyncio import Future, shield
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, cast, overload, override

from casty.behaviors.arguments import no_behavior
from casty.behaviors.clustered import ClusteredBehavior, ShardedBehavior
from casty.behaviors.persistent import ConfirmedBehavior, PersistedBehavior, UpdatedBehavior
from casty.behaviors.routing import RouterBehavior
from casty.behaviors.values import Behavior, ReceiveBehavior, RestartBehavior, SameBehavior, UnhandledBehavior
from casty.errors import ActorNameError, ActorStoppedError, BehaviorError, ScopeError
from casty.events import ActorStarted
from casty.mailbox import Mailbox, checked_mailbox
from casty.output_commit import OPEN, Output, current
from casty.ref import ActorRef
from casty.runtime.cell import PAUSED, Cell
from casty.runtime.extras import CellExtras
from casty.runtime.mailbox import CLOSED, Bounded
from casty.runtime.routing.ref import LocalRouterRef
from casty.runtime.signals import Start
from casty.runtime.slices import SLICE, Draining, in_slices
from casty.runtime.stopping import request_stop
from casty.runtime.wrapping import unwrap

COPIED: Final = 10_000
"""Children that are looked up at a time to be stopped."""
LEAST: Final = 8
"""Children that any actor stops at a time."""
NAME: Final = re.compile(r"[^/\x00-\x1f\x7f\ud800-\udfff]{1,255}")


def spawn_cell(parent: Cell, behavior: Behavior[Any], name: str | None, mailbox: Mailbox | None) -> Cell:
    """Put a new actor into the tree and have it started, which a bare handler does not need. An actor that a command
    handler spawns starts when the command's events are durable.
    """
    family = parent.extras or parent.own_extras()  # the call is felt: a parent may spawn a million children
    if parent.admission is CLOSED or family.ending_family:
        raise ActorStoppedError(f"{parent.path} is stopping, or restarting, and takes no more children")
    dispatcher = parent.dispatcher
    services = dispatcher.services
    bare = type(behavior) is ReceiveBehavior
    core = behavior if bare else check_spawnable(behavior, in_cluster=services.remote is not None)
    uid = next(services.uids)
    if name is None:
        name = f"${uid:x}"
    elif not is_name(name) or name in family.children:
        raise _unusable(name, parent)
    elif name.startswith("_"):
        family.has_hidden_children = True
    cell = Cell(dispatcher, parent, name, uid, behavior)
    if not bare and isinstance(core, RouterBehavior):
        cell.ref = LocalRouterRef(cell)
    settings = services.settings.resolve(name)
    mailbox = settings.mailbox if mailbox is None else checked_mailbox(mailbox)
    if mailbox.capacity is not None:
        cell.admission = Bounded(mailbox.capacity, mailbox.overflow)
    if settings.supervision is not None:
        cell.own_extras().fallback = settings.supervision
    if family.wrapping.spies or family.inherited:
        bare = not _inherit_spies(family, cell) and bare
    if OPEN and (output := current()) is not None:
        _start_with(output, cell)
    elif bare:
        cell.handler = cast("ReceiveBehavior[Any]", behavior).handler
    else:
        cell.signal(Start())
    family.children[name] = cell
    if cell.handler is not None and services.event_stream.wants(ActorStarted):
        services.event_stream.publish(ActorStarted(cell.ref))
    return cell


def _start_with(output: Output, cell: Cell) -> None:
    cell.state = PAUSED
    cell.queue = []
    cell.own_extras().signals.append(Start())
    cell.dispatcher.pause(cell)
    output.hold(_start_late, cell)
    output.undo_with(request_stop, cell)


def _start_late(cell: Cell) -> None:
    if cell.state == PAUSED:
        cell.wake()


def _inherit_spies(family: CellExtras, cell: Cell) -> bool:
    spies = tuple(spy for spy in (*family.inherited, *family.wrapping.spies) if spy.spy_children)
    if spies:
        cell.own_extras().inherited = spies
    return bool(spies)


def is_name(name: object) -> bool:
    """Whether an actor may be called that."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _unusable(name: str, parent: Cell) -> ActorNameError:
    if not is_name(name):
        return ActorNameError(
            f"{name!r} cannot name an actor: a name is a text of 1 to 255 characters, without slashes, control "
            "characters and halves of surrogate pairs"
        )
    path = f"{parent.path.rstrip('/')}/{name}"
    return ActorNameError(
        f"there is an actor at {path} already: choose another name, or stop it and wait until it is Terminated"
    )


def no_beginning(behavior: Behavior[Any]) -> BehaviorError:
    """The error for a behavior that only a handler may return, and no actor can start with."""
    match behavior:
        case PersistedBehavior():
            return BehaviorError("Behaviors.persisted(...) is only for the on_command of Behaviors.event_sourced")
        case UpdatedBehavior():
            return BehaviorError("Behaviors.updated(...) is only for the on_command of Behaviors.durable_state")
        case ConfirmedBehavior():
            return BehaviorError(
                "Behaviors.confirmed() is only for the on_command of Behaviors.event_sourced or Behaviors.durable_state"
            )
        case _:
            name = type(behavior).__name__.removesuffix("Behavior").lower()
            return BehaviorError(
                f"Behaviors.{name}() is only for a handler to return: there is no behavior before it to go on with; "
                "start the actor with Behaviors.receive(handler), or Behaviors.setup(setup)"
            )


def check_spawnable(behavior: object, *, in_cluster: bool = False) -> Behavior[Any]:
    """Return the behavior without its wrappers. Raises for what no local actor can be, naming what would have to be
    there.
    """
    if not isinstance(behavior, Behavior):
        raise no_behavior(behavior, "an actor")
    _, core = unwrap(cast("Behavior[Any]", behavior))
    match core:
        case SameBehavior() | UnhandledBehavior() | RestartBehavior() | PersistedBehavior() | UpdatedBehavior():
            raise no_beginning(core)
        case ClusteredBehavior():
            kind = type(core).__name__.removesuffix("Behavior").lower()
        case _:
            return core
    if in_cluster or isinstance(core, ShardedBehavior):
        raise ScopeError(f"a {kind} behavior cannot be wrapped, or be a child: spawn it with system.spawn()")
    raise ScopeError(
        f"a {kind} behavior needs a ClusteredActorSystem (from casty.cluster), and this is a local ActorSystem; "
        'run: pip install "casty[cluster]"'
    )


async def end_family(root: Cell) -> None:
    """Stop every actor below it, for good."""
    root.admission = CLOSED
    await stop_children(root)


async def stop_children(cell: Cell) -> None:
    """Stop every child, and wait until all are gone. Several may wait at once, such as for a shard that is halted while
    its region stops.
    """
    extras = cell.extras
    if extras is None or not extras.children:
        return
    extras.ending_family += 1
    try:
        await _request_stops(extras.children, _share(cell))
        if extras.children:
            extras.childless = extras.childless or Future(loop=cell.dispatcher.loop)
            await shield(extras.childless)
    finally:
        extras.ending_family -= 1
        if not extras.ending_family:
            extras.childless = None


def _share(cell: Cell) -> int:
    """Children that an actor stops between two turns of the event loop: fewer where its siblings, such as the shards of
    a region, stop theirs at the same time.
    """
    family = None if cell.parent is None else cell.parent.extras
    return SLICE if family is None else max(LEAST, SLICE // max(1, len(family.children)))


async def _request_stops(children: dict[str, Cell], share: int) -> None:
    """Request every child to stop. Those that have not ended when they were asked stay in front of the others: even a
    copy of all would take too long, and what is asked twice stops once.
    """
    unasked = len(children)
    while unasked > 0:
        first = max(0, len(children) - unasked)
        part = deque(islice(children.values(), first, first + COPIED))
        unasked -= COPIED
        await in_slices(request_stop, Draining(part), share)


class Listing(Sequence[ActorRef[Any]]):
    """The references of some cells, each looked up when it is asked for: a million children are listed in no time."""

    __slots__ = ("_cells",)

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self._cells = cells

    @overload
    def __getitem__(self, index: int) -> ActorRef[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Listing": ...
    @override
    def __getitem__(self, index: int | slice) -> "ActorRef[Any] | Listing":
        found = self._cells[index]
        return Listing(found) if isinstance(found, tuple) else found.ref

    @override
    def __len__(self) -> int:
        return len(self._cells)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(cast("Sequence[object]", other))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # as of a list, to which it is equal

    @override
    def __repr__(self) -> str:
        return repr(list(self))


def listed(extras: CellExtras | None) -> Listing:
    """The children that are alive, without those of the runtime."""
    if extras is None:
        return Listing(())
    cells = tuple(extras.children.values())
    if extras.has_hidden_children:
        cells = tuple(cell for cell in cells if not cell.name.startswith("_"))
    return Listing(cells)
