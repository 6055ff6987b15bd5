"""The actor system as its actors see it. Without it, what an actor is would depend on how actors run."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, overload

from casty.actor_tree import SystemSnapshot
from casty.address import ActorAddress
from casty.behaviors.behavior import Behavior
from casty.behaviors.clustered import RegionRef, ShardedBehavior, ShardEnvelope
from casty.behaviors.discovery import ReceptionistMessage
from casty.behaviors.routing import RouterBehavior, RouterRef
from casty.mailbox import Mailbox
from casty.ref import ActorRef, BroadcastRef
from casty.spi.serializer import Serializer

if TYPE_CHECKING:  # these run something, which behaviors do not
    from concurrent.futures import Future

    from casty.clock import SystemClock
    from casty.event_stream import EventStream


class System(Protocol):
    """What handlers use of their actor system, as `ctx.system`; each contract is that of `ActorSystem`.

    In a cluster it is the `ClusteredActorSystem`: narrow it with `isinstance` where a handler needs more of it.
    """

    name: str
    event_stream: "EventStream"

    @property
    def clock(self) -> "SystemClock": ...

    @property
    def serializer(self) -> Serializer: ...

    @property
    def receptionist(self) -> ActorRef[ReceptionistMessage]: ...

    @overload
    def spawn[M](
        self, behavior: ShardedBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RegionRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: RouterBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RouterRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]: ...
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]: ...

    @overload
    def ask[M, R](
        self, ref: BroadcastRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, tuple[R, ...]]: ...
    @overload
    def ask[M, R](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, R]: ...
    def ask[M](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[Any]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, Any]: ...

    async def ask_or_none[M, R](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> R | None: ...

    def tell_threadsafe[M](self, ref: ActorRef[M], message: M) -> None: ...

    def ask_threadsafe[M, R](
        self, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> "Future[R]": ...

    def lookup(self, path: str) -> ActorRef[Any] | None: ...

    def resolve(self, address: ActorAddress) -> ActorRef[Any]: ...

    def entity_ref[M](self, region: ActorRef[ShardEnvelope[M]], entity_id: str) -> ActorRef[M]: ...

    def snapshot(self, limit: int = ...) -> SystemSnapshot: ...

    def tick[M](self, key: str, target: ActorRef[M], message: M, interval: float) -> None: ...

    def schedule[M](self, key: str, target: ActorRef[M], message: M, delay: float) -> None: ...

    def cancel_schedule(self, key: str) -> None: ...

    async def shutdown(self) -> None: ...
