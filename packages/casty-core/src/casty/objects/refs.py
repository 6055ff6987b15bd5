"""References to class-based actors: `send`, `ask` for messages without a reply reference, and `a | b`."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import Any, cast, overload, override

from casty.errors import BehaviorError, MailboxFullError
from casty.messages import Asked, Creating
from casty.ref import ActorRef, FrontRef
from casty.replication import ReplicationConfig
from casty.request import Request
from casty.serialization import message

message("casty.Asked")(Asked)
message("casty.Creating")(Creating)


@message("casty.Begin")
@dataclass(frozen=True)
class Begin(Request[tuple[int, int]]):
    """Asks a class-based actor of a cluster to start, as one with that many copies; the reply is how many it has."""

    replicas: int = 0
    min_acks: int = 0


def identity(kind: type) -> str:
    """How a class is called on every node."""
    return f"{kind.__module__}:{kind.__qualname__}"


def counts(copies: ReplicationConfig | None) -> tuple[int, int]:
    """`replicas` and `min_acks`."""
    return (0, 0) if copies is None else (copies.replicas, copies.min_acks)


@message("casty.LocalRef")
@dataclass(slots=True, eq=False, repr=False)
class LocalRef[M](FrontRef[M]):
    """A reference to a class-based actor, wherever it lives. Equal to the runtime's own, and may travel in messages."""

    target: ActorRef[Any]
    accepts: tuple[str, ...] = ()
    """The classes of messages that its actor handles, by `identity`; empty if its class does not say."""

    async def send(self, message: M) -> None:
        """Send without waiting for the message to be handled; only a full mailbox that is bounded makes it wait."""
        try:
            self.target.tell(message)
        except MailboxFullError:
            await self.target.offer(message)

    @overload
    def ask[R](self, request: Callable[[ActorRef[R]], M], timeout: float = 5.0) -> Coroutine[Any, Any, R]: ...
    @overload
    def ask(self, request: M, timeout: float = 5.0) -> Coroutine[Any, Any, Any]: ...
    @override
    def ask(self, request: Any, timeout: float = 5.0) -> Coroutine[Any, Any, Any]:
        """Send a message, and wait for what the actor gives to `ctx.reply`. The reply to a `Request[R]` is an R.

        Raises `TimeoutError` after `timeout` seconds, and at once what `ActorSystem.ask` raises.
        """
        return self.target.asks.ask(self.target, _factory(request), timeout)

    def __or__[N](self, other: "LocalRef[N] | CombinedRef[N]") -> "CombinedRef[M | N]":
        """Both: messages go to the actor whose class handles them."""
        return CombinedRef.of(self, other)


@message("casty.ClusterRef")
@dataclass(slots=True, eq=False, repr=False)
class ClusterRef[M](LocalRef[M]):
    """A reference to an actor of a cluster that is made with arguments, or durable, wherever and whenever it starts."""

    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    durable: bool = False

    def shortest(self) -> LocalRef[M]:
        """The same reference, without what need not travel with each message."""
        return self if self.arguments or self.durable else LocalRef(self.target, self.accepts)

    @override
    async def send(self, message: M) -> None:
        self.tell(message)

    @override
    def tell(self, message: M) -> None:
        self.target.tell(Creating(message, self.arguments, self.durable))

    @overload
    def ask[R](self, request: Callable[[ActorRef[R]], M], timeout: float = 5.0) -> Coroutine[Any, Any, R]: ...
    @overload
    def ask(self, request: M, timeout: float = 5.0) -> Coroutine[Any, Any, Any]: ...
    @override
    def ask(self, request: Any, timeout: float = 5.0) -> Coroutine[Any, Any, Any]:
        make = _factory(request)
        return self.target.asks.ask(
            self.target, lambda reply_to: Creating(make(reply_to), self.arguments, self.durable), timeout
        )


def _factory(request: Any) -> Callable[[ActorRef[Any]], Any]:
    """What makes the message of an ask for its reply reference."""
    makes_message = isinstance(request, Request | FunctionType | type | partial)
    return cast("Any", request) if makes_message else partial(Asked, request)


LocalActorRef = LocalRef
"""By its longer name."""


class CombinedRef[M]:
    """Several actors as one: each message goes to the one whose class handles messages of its class."""

    __slots__ = ("_by_kind", "_routes", "parts")

    def __init__(self, parts: tuple[LocalRef[Any], ...]) -> None:
        self.parts = parts
        self._routes: dict[str, LocalRef[Any]] = {}
        self._by_kind: dict[type, LocalRef[Any]] = {}
        for part in parts:
            self._add(part)

    @classmethod
    def of(cls, *refs: "LocalRef[Any] | CombinedRef[Any]") -> "CombinedRef[Any]":
        """Combine references; combined ones are taken apart."""
        return cls(tuple(dict.fromkeys(part for ref in refs for part in _parts(ref))))

    async def send(self, message: M) -> None:
        """See `LocalRef.send`. Raises `BehaviorError` for a message that none of the actors handles."""
        await self._receiver(message).send(message)

    def tell(self, message: M) -> None:
        """See `ActorRef.tell`."""
        self._receiver(message).tell(message)

    @overload
    def ask[R](self, request: Request[R], timeout: float = 5.0) -> Coroutine[Any, Any, R]: ...
    @overload
    def ask(self, request: M, timeout: float = 5.0) -> Coroutine[Any, Any, Any]: ...
    def ask(self, request: Any, timeout: float = 5.0) -> Coroutine[Any, Any, Any]:
        """See `LocalRef.ask`."""
        return self._receiver(request).ask(request, timeout)

    def __or__[N](self, other: "LocalRef[N] | CombinedRef[N]") -> "CombinedRef[M | N]":
        return CombinedRef.of(self, other)

    @override
    def __repr__(self) -> str:
        return " | ".join(map(repr, self.parts))

    def _add(self, part: LocalRef[Any]) -> None:
        if not part.accepts:
            raise BehaviorError(
                f"{part} cannot be combined with |: its class does not say which messages it handles; "
                "derive it from Actor[A | B]"
            )
        for name in part.accepts:
            other = self._routes.setdefault(name, part)
            if other is not part:
                raise BehaviorError(
                    f"{other} and {part} both handle {name}, so that {other.address.path} | {part.address.path} could "
                    "not choose; combine actors whose classes handle different messages"
                )

    def _receiver(self, message: object) -> LocalRef[Any]:
        kind = type(message)
        found = self._by_kind.get(kind)
        if found is None:
            names = (identity(base) for base in kind.__mro__)
            found = next((self._routes[name] for name in names if name in self._routes), None)
            if found is None:
                raise BehaviorError(
                    f"none of {self!r} handles {identity(kind)}, but {', '.join(self._routes)}; send it to the actor "
                    "that does"
                )
            self._by_kind[kind] = found
        return found


def _parts(ref: "LocalRef[Any] | CombinedRef[Any]") -> Iterator[LocalRef[Any]]:
    if isinstance(ref, CombinedRef):
        yield from ref.parts
    elif isinstance(cast("object", ref), LocalRef):
        yield ref
    else:
        raise BehaviorError(
            f"| combines references to class-based actors, such as system.actor(...) returns, not {ref!r}"
        )
