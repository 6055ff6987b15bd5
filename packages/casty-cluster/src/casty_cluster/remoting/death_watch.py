"""Death watch across nodes: the shell of `protocol.watching` and `protocol.watched`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, override

from casty import ActorContext, Behavior, Behaviors
from casty.extension import Kernel, LocalRef, actor_behind, unwatch, watch
from casty.interruption import described
from casty.member import ClusterState, NodeId
from casty.messages import Terminated
from casty.ref import ActorRef
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ReceiveMessage, ShutdownPhase, ShutdownTask

from casty_cluster.node.driver import Driver
from casty_cluster.node.enduring import Strays, enduring
from casty_cluster.protocol import watched, watching
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.watched import ActorStopped, Ignore, Observe, UnwatchReceived, WatchedActors, WatchReceived
from casty_cluster.protocol.watching import (
    AddWatch,
    Members,
    Notify,
    Out,
    RemoveWatch,
    RemoveWatcher,
    StoppedReceived,
    Target,
    Watches,
)
from casty_cluster.remoting.refs import RemoteRef
from casty_cluster.wire.system import Stopped, Unwatch, Watch

NAME = "_death-watch"
MAX_REASON: Final = 1_000
"""Characters of a failure that is reported to another node: an exception may hold any amount of text."""


class DeathWatch(ClusterFeature):
    """Watches between this node's actors and those of other nodes, in both directions."""

    def __init__(self, node: ClusterNode, kernel: Kernel) -> None:
        self._node = node
        self._kernel = kernel
        # They remember no inputs: that would keep actors in memory that have stopped.
        self._watching: Driver[watching.Input[ActorRef[Any]], watching.Effect] = Driver(
            Watches[ActorRef[Any]](), kernel.clock, self._carry_out, remembered=0
        )
        self._watched: Driver[watched.Input[LocalRef[Any]], watched.Effect] = Driver(
            WatchedActors[LocalRef[Any]](), kernel.clock, self._carry_out, remembered=0
        )
        self._strays = Strays(kernel.clock, NAME)
        ref = node.spawn(enduring(self._observer()), NAME)
        assert isinstance(ref, LocalRef)
        self._observing = ref
        """The actor through which this node watches its own actors for other nodes."""

    def watch(
        self, watcher: ActorRef[Any], ref: RemoteRef[Any], notify: Callable[[BaseException | None], None]
    ) -> None:
        self._watching.handle(AddWatch(_target(ref), watcher, notify))

    def unwatch(self, watcher: ActorRef[Any], ref: ActorRef[Any] | None) -> None:
        if ref is None:
            self._watching.handle(RemoveWatcher(watcher))
        elif isinstance(ref, RemoteRef):
            self._watching.handle(RemoveWatch(_target(ref), watcher))

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {
            Watch: self._watch_received,
            Unwatch: self._unwatch_received,
            Stopped: lambda node, stopped: self._watching.handle(StoppedReceived(node, stopped)),
        }

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {ShutdownPhase.close: ShutdownTask(self._close)}

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        if view is None:  # for the other members all actors of this node have stopped
            self._watching.handle(Out())
            self._watched.handle(Members(()))
        else:
            self._watching.handle(Members(view.others))
            self._watched.handle(Members(view.others))

    async def _close(self) -> None:
        self._watching.stop()
        self._watched.stop()

    def _watch_received(self, node: NodeId, request: Watch) -> None:
        ref = self._kernel.system.resolve(self._kernel.address(request.path, request.uid))
        self._watched.handle(WatchReceived(node, request, actor_behind(ref)))

    def _unwatch_received(self, node: NodeId, request: Unwatch) -> None:
        self._watched.handle(UnwatchReceived(node, Watch(request.path, request.uid)))

    def _observer(self) -> Behavior[Any]:
        async def observe(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Terminated(ref=LocalRef() as ref, reason=reason):
                    self._watched.handle(ActorStopped(ref, None if reason is None else described(reason)[:MAX_REASON]))
                case _:
                    self._strays.ignore(message)
            return Behaviors.same()

        return Behaviors.receive(observe)

    def _carry_out(self, effect: watching.Effect | watched.Effect) -> None:
        match effect:
            case SendSystem(to, message):
                self._node.send(to, message)
            case Notify(notice=notify, reason=reason):
                notify(reason)
            case Observe(actor):
                watch(self._observing, actor)
            case Ignore(actor):
                unwatch(self._observing, actor)


def _target(ref: RemoteRef[Any]) -> Target:
    return Target(ref.peer, ref.address.path, ref.address.uid)
