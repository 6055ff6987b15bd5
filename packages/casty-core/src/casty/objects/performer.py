"""What the context of a class-based actor needs of the actor behind it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from casty.behaviors.context import ActorContext
from casty.objects.refs import LocalRef
from casty.objects.supervision import SupervisorConfig
from casty.ref import ActorRef


class Reply:
    """Where the reply to a message goes."""

    __slots__ = ("given", "message", "to")

    def __init__(self, message: object, to: ActorRef[Any] | None) -> None:
        self.message = message
        self.to = to
        self.given = False


class Family(Protocol):
    """The class-based children of one actor."""

    async def actor(
        self,
        kind: object,
        name: str | None,
        durable: bool,
        supervision: SupervisorConfig | None,
        positional: tuple[object, ...],
        named: Mapping[str, object],
    ) -> LocalRef[Any]:
        """See `Context.actor`."""
        ...

    def facing(self, ref: ActorRef[Any]) -> ActorRef[Any]:
        """The reference to a child as `actor` has returned it; the runtime's own for one that is no class actor."""
        ...

    async def end_of(self, ref: ActorRef[Any]) -> None:
        """Wait until an actor has stopped."""
        ...


class Performer(Protocol):
    """The actor behind a context."""

    raw: ActorContext[Any]
    instance: Any
    ref: LocalRef[Any]
    family: Family
    current: Reply | None
    """The message being handled, if it is asked."""

    @property
    def name(self) -> str:
        """Its class and path, for errors."""
        ...

    def reply(self, reply: Reply | None, value: Any) -> None:
        """See `Context.reply`."""
        ...

    def become(self, handler: Callable[[Any, Any], Awaitable[None]], discard_old: bool) -> None:
        """See `Context.become`."""
        ...

    def unbecome(self) -> None:
        """See `Context.unbecome`."""
        ...

    def start_timer(self, message: Any, *, every: float | None = None, after: float | None = None) -> str:
        """Start a timer of the actor and return its key."""
        ...

    def check_other(self, child: ActorRef[Any]) -> None:
        """Raises `BehaviorError` for the actor itself, which cannot wait for its own end."""
        ...
