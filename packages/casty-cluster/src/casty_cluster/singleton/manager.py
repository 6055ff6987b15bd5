"""A singleton's part on one node: an actor around `protocol.singleton` that starts, stops and reaches it.

Every node has one under the singleton's name. What it is told goes to the singleton: to its child, where that runs
here, else to the manager of the host. What nobody can take yet waits, up to `BUFFER` messages.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, Terminated, message
from casty.address import ActorAddress
from casty.behaviors.clustered import SingletonBehavior
from casty.errors import EncodeError
from casty.interruption import raise_unless_failure
from casty.member import NodeId
from casty.runtime.dead_letters import Internal

from casty_cluster.node.system_links import SystemLinks
from casty_cluster.node.view import ClusterState, Views
from casty_cluster.protocol.singleton import Effect, HandedOver, HandOver, Phase, Say, Singleton, Start, Stop
from casty_cluster.remoting.refs import RemoteRef

logger = logging.getLogger("casty.cluster")

BUFFER: Final = 1_000
MAX_HOPS: Final = 8
"""How often a message is passed on while the nodes do not agree yet about the host."""
PAUSE: Final = 1.0
"""Seconds before a singleton that has failed is started again."""
ON_ITS_WAY: Final = 0.2
"""Seconds for which others may still send what is for a singleton that has moved, until they have heard of that."""
INSTANCE: Final = "instance"


@message("casty.singleton.Forwarded")
@dataclass(frozen=True, slots=True)
class Forwarded:
    """A message for the singleton, from the manager of another node."""

    message: Any
    hops: int


@dataclass(frozen=True, slots=True)
class Saw(Internal):
    """The cluster has changed; None: this node is no member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class Heard(Internal):
    """The manager of another node speaks about handing over."""

    node: NodeId
    message: HandOver | HandedOver


@dataclass(frozen=True, slots=True)
class Again(Internal):
    """The pause after a failure is over."""


class Managers:
    """The singletons that this node takes part in, by name: who is asked to hand over."""

    def __init__(self, links: SystemLinks, views: Views, resolve: Callable[[ActorAddress], ActorRef[Any]]) -> None:
        self.links = links
        self.views = views
        self.resolve = resolve
        self._by_name: dict[str, Manager] = {}
        self._ended = asyncio.Event()
        links.on(HandOver, self._heard)
        links.on(HandedOver, self._heard)

    def behavior[M](self, name: str, singleton: SingletonBehavior[M]) -> Behavior[M]:
        """The actor to spawn under that name."""

        async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
            manager = self._by_name[name] = Manager(self, ctx, name, singleton)
            self.views.observe(manager.see)

            async def forget(_: ActorContext[Any]) -> None:
                self.views.ignore(manager.see)

            return Behaviors.with_lifecycle(Behaviors.receive(manager.receive), post_stop=forget)

        return Behaviors.setup(setup)

    async def handed_over(self, patience: float) -> None:
        """Until no singleton runs here while there is a member that stays, and all that was on its way to one has been
        passed on; or for so many seconds.
        """
        had_any = self._has_any()
        try:
            async with asyncio.timeout(patience):
                while self._has_heirs() and self._has_any():
                    self._ended.clear()
                    await self._ended.wait()
                if had_any and self._has_heirs():
                    await asyncio.sleep(ON_ITS_WAY)
        except TimeoutError:
            logger.warning("some singletons of this node were not handed over within %s s and are stopped", patience)

    def ended(self) -> None:
        """A singleton has stopped here, or the cluster has changed."""
        self._ended.set()

    def _has_any(self) -> bool:
        return any(manager.runs for manager in self._by_name.values())

    def _has_heirs(self) -> bool:
        state = self.views.current
        return state is not None and any(member.node not in state.retiring for member in state.up)

    def _heard(self, node: NodeId, said: HandOver | HandedOver) -> None:
        manager = self._by_name.get(said.name)
        if manager is not None:
            manager.hear(node, said)
        elif isinstance(said, HandOver):
            self.links.send(node, HandedOver(said.name))  # it never ran here


class Manager:
    """What one incarnation of a manager knows."""

    def __init__(
        self, managers: Managers, ctx: ActorContext[Any], name: str, singleton: SingletonBehavior[Any]
    ) -> None:
        self._managers = managers
        self._ctx = ctx
        self._name = name
        self._singleton = singleton
        self._machine: Singleton | None = None
        self._local: NodeId | None = None
        self._instance: ActorRef[Any] | None = None
        self._waiting: deque[tuple[Any, int]] = deque()

    @property
    def runs(self) -> bool:
        """Whether the singleton is here, if perhaps about to stop."""
        return self._machine is not None and self._machine.phase in (Phase.running, Phase.stopping)

    def hear(self, node: NodeId, said: HandOver | HandedOver) -> None:
        """Called outside of the actor's turns, as is `see`."""
        self._ctx.self.tell(Heard(node, said))

    def see(self, view: ClusterState | None) -> None:
        self._ctx.self.tell(Saw(view))

    async def receive(self, ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case Saw(view):
                self._look(view)
                self._managers.ended()
            case Heard(node, said):
                self._hear(node, said)
            case Terminated(ref, reason) if ref == self._instance:
                self._ended(reason)
            case Again():
                self._start()
            case Forwarded(inner, hops):
                self._pass_on(inner, hops)
            case _:
                self._pass_on(message, 0)
        return Behaviors.same()

    def _look(self, view: ClusterState | None) -> None:
        if view is None:
            if self._machine is not None:
                self._carry_out(self._machine.out())
            return
        if self._machine is None or self._local != view.local:
            self._local = view.local
            self._machine = Singleton(self._name, view.local, stopping=self._instance is not None)
        self._carry_out(self._machine.members(view.members, view.retiring))
        self._flush()

    def _hear(self, node: NodeId, said: HandOver | HandedOver) -> None:
        if self._machine is None:
            return
        match said:
            case HandOver():
                self._carry_out(self._machine.hand_over(node))
            case HandedOver():
                self._carry_out(self._machine.handed_over(node))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start():
                    self._ctx.log.info("the singleton %s starts on this node", self._name)
                    self._start()
                case Stop():
                    self._stop()
                case Say(to, said):
                    self._managers.links.send(to, said)

    def _start(self) -> None:
        if self._instance is None and self._machine is not None and self._machine.phase is Phase.running:
            try:
                self._instance = self._ctx.spawn(self._singleton.factory(), INSTANCE)
            except BaseException as error:  # whatever a user's factory raises, the next attempt may succeed
                raise_unless_failure(error)
                self._ended(error)
                return
            self._ctx.watch(self._instance)
            self._flush()

    def _stop(self) -> None:
        if self._instance is None:
            self._ended(None)
        else:
            self._ctx.stop(self._instance)

    def _ended(self, reason: BaseException | None) -> None:
        self._instance = None
        machine = self._machine
        if machine is not None and machine.phase is Phase.stopping:
            self._ctx.log.info("the singleton %s has stopped on this node", self._name)
            self._carry_out(machine.stopped())
            self._managers.ended()
        elif reason is not None:
            self._ctx.log.error("the singleton %s failed and starts again in %s s: %s", self._name, PAUSE, reason)
            self._ctx.timers.start("again", Again(), after=PAUSE)
        self._flush()

    def _pass_on(self, message: Any, hops: int) -> None:
        if not self._reach(message, hops):
            if len(self._waiting) >= BUFFER:
                self._bury(message, f"{BUFFER} messages wait for the singleton {self._name} already")
            else:
                self._waiting.append((message, hops))

    def _reach(self, message: Any, hops: int) -> bool:
        """Hand a message to the singleton, or towards it; False where nobody can take it now."""
        machine = self._machine
        if machine is None or machine.host is None:
            return False
        if machine.host == self._local:
            if self._instance is None or machine.phase is not Phase.running:
                return False
            self._ctx.system.kernel.dead_letters.tell(self._instance, message)
        elif hops >= MAX_HOPS:
            self._bury(message, f"the nodes do not agree about where the singleton {self._name} runs")
        else:
            self._forward(machine.host, message, hops)
        return True

    def _forward(self, host: NodeId, message: Any, hops: int) -> None:
        """Pass a message on. If it cannot leave, the message is the dead letter, and not what it travels in."""
        manager = self._manager_on(host)
        forwarded = Forwarded(message, hops + 1)
        if not isinstance(manager, RemoteRef):
            manager.tell(forwarded)
        elif refused := manager.send(forwarded):
            reason, cause = refused
            if isinstance(cause, EncodeError):
                cause = self._encode_error(message) or cause
                reason = str(cause)
            self._bury(message, reason, cause)

    def _encode_error(self, message: Any) -> EncodeError | None:
        """What the serializer says of the message alone, under its own type."""
        try:
            self._ctx.system.serializer.dumps(message)
        except EncodeError as error:
            return error
        return None

    def _flush(self) -> None:
        while self._waiting and self._reach(*self._waiting[0]):
            self._waiting.popleft()

    def _manager_on(self, node: NodeId) -> ActorRef[Any]:
        own = self._ctx.self.address
        address = ActorAddress(system=own.system, path=own.path, host=node.host, port=node.port)
        return self._managers.resolve(address)

    def _bury(self, message: Any, reason: str, cause: Exception | None = None) -> None:
        self._ctx.system.kernel.dead_letters.publish(message, self._ctx.self, reason, cause)
