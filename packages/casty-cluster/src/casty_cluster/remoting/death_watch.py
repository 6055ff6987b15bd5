"""Death watch across nodes: carries out what `protocol.watching` says, and answers the watches of other nodes."""

from collections.abc import Collection
from typing import Any, Final

from casty import ActorContext, Behavior, Behaviors
from casty.extension import Cell, Kernel, LocalRef, unwatch, watch, watched_cell
from casty.extension import Watch as Registered
from casty.interruption import described
from casty.member import NodeId
from casty.messages import Terminated
from casty.ref import ActorRef

from casty_cluster.node.alarm import Alarm
from casty_cluster.node.enduring import Strays, enduring
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.protocol.watching import Deliver, Effect, SendSystem, Target, Watches
from casty_cluster.remoting.refs import RemoteRef
from casty_cluster.wire.system import Stopped, Unwatch, Watch

NAME = "_death-watch"
MAX_REASON: Final = 1_000
"""Characters of a failure that another node is told: an exception may hold anything."""


class DeathWatch:
    """Who on this node watches whom elsewhere, and who elsewhere watches whom on this node."""

    def __init__(self, kernel: Kernel, links: SystemLinks) -> None:
        self._kernel = kernel
        self._links = links
        self._watches: Watches[Cell] = Watches()
        self._observers: dict[LocalRef[Any], dict[tuple[NodeId, Watch], None]] = {}
        """Which nodes watch an actor of this one, and by which watches."""
        self._observed: dict[NodeId, dict[Watch, LocalRef[Any]]] = {}
        """The same by node: what comes and goes costs no look at all the others."""
        self._strays = Strays(kernel.clock, NAME)
        self._alarm = Alarm(kernel.clock, self._tick)
        links.on(Watch, self._watched)
        links.on(Unwatch, self._unwatched)
        links.on(Stopped, lambda node, stopped: self._carry_out(self._watches.stopped(node, stopped)))
        ref = kernel.system.spawn(enduring(self._observer()), NAME)
        assert isinstance(ref, LocalRef)
        self._eye: Cell = ref.cell
        """The actor through which this node watches its own actors for others."""

    def watch(self, watcher: Cell, ref: RemoteRef[Any], registered: Registered) -> None:
        target = Target(ref.peer, ref.address.path, ref.address.uid)
        self._carry_out(self._watches.watch(target, watcher, registered, self._kernel.clock.time()))

    def unwatch(self, watcher: Cell, ref: ActorRef[Any] | None) -> None:
        if ref is None:
            self._carry_out(self._watches.unwatch_all(watcher))
        elif isinstance(ref, RemoteRef):
            self._carry_out(self._watches.unwatch(Target(ref.peer, ref.address.path, ref.address.uid), watcher))

    def members(self, members: Collection[NodeId]) -> None:
        """These are the other members now."""
        self._carry_out(self._watches.members(members, self._kernel.clock.time()))
        self._forget_all_but(members)

    def out(self) -> None:
        """This node is no member any more: to the others its actors are gone."""
        self._watches.out(self._kernel.clock.time())
        self._alarm.set(self._watches.next_deadline())
        self._forget_all_but(())

    def close(self) -> None:
        self._alarm.stop()

    def _watched(self, node: NodeId, request: Watch) -> None:
        cell = watched_cell(self._kernel.system.resolve(self._kernel.address(request.path, request.uid)))
        if cell is None:
            self._links.send(node, Stopped(request.path, request.uid, None))
            return
        self._observers.setdefault(cell.ref, {})[node, request] = None
        self._observed.setdefault(node, {})[request] = cell.ref
        watch(self._eye, cell.ref)

    def _unwatched(self, node: NodeId, request: Unwatch) -> None:
        self._look_away(node, Watch(request.path, request.uid))

    def _forget_all_but(self, present: Collection[NodeId]) -> None:
        """Nodes that are no members watch nobody here."""
        for node in [node for node in self._observed if node not in present]:
            for request in list(self._observed[node]):
                self._look_away(node, request)

    def _look_away(self, node: NodeId, request: Watch) -> None:
        ref = self._forget(node, request)
        if ref is not None:
            del self._observers[ref][node, request]
            if not self._observers[ref]:
                del self._observers[ref]
                unwatch(self._eye, ref)

    def _forget(self, node: NodeId, request: Watch) -> LocalRef[Any] | None:
        requests = self._observed.get(node, {})
        ref = requests.pop(request, None)
        if ref is not None and not requests:
            del self._observed[node]
        return ref

    def _observer(self) -> Behavior[Any]:
        async def observe(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Terminated(ref=LocalRef() as ref, reason=reason):
                    self._ended(ref, None if reason is None else described(reason)[:MAX_REASON])
                case _:
                    self._strays.ignore(message)
            return Behaviors.same()

        return Behaviors.receive(observe)

    def _ended(self, ref: LocalRef[Any], reason: str | None) -> None:
        for node, request in self._observers.pop(ref, {}):
            self._forget(node, request)
            self._links.send(node, Stopped(request.path, request.uid, reason))

    def _tick(self) -> None:
        self._carry_out(self._watches.tick(self._kernel.clock.time()))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendSystem(to, message):
                    self._links.send(to, message)
                case Deliver(_, registered, reason):
                    registered.notify(reason)
        self._alarm.set(self._watches.next_deadline())
