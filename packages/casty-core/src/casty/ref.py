"""References: the only way to reach an actor. What a reference does is up to the runtime that made it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, Protocol, Self, SupportsIndex, cast, overload, override

from casty.address import ActorAddress
from casty.errors import ArgumentError
from casty.output_commit import OPEN, current


class Asking(Protocol):
    """The asks of one actor system."""

    def ask[M](
        self, ref: "ActorRef[M]", factory: "Callable[[ActorRef[Any]], M]", timeout: float, *, held: bool = False
    ) -> Coroutine[Any, Any, Any]:
        """See `ActorRef.ask`. `held`: no handler waits for the reply, so that the message may wait for the events of
        the command that sends it.
        """
        ...


class ActorRef[M](ABC):
    """The address of an actor that takes messages of type M. Equal, and hashed, by address; may travel in messages."""

    __slots__ = ("__weakref__",)

    @property
    @abstractmethod
    def address(self) -> ActorAddress: ...

    def tell(self, message: M) -> None:
        """Send without waiting, in the event loop's thread; another thread calls `system.tell_threadsafe`.

        What cannot be delivered becomes a `DeadLetter`, never an exception of the teller's; only a mailbox with the
        strategy `backpressure` or `reject` raises `MailboxFullError` when it is full.

        Output commit: while a command of an event-sourced or durable-state actor is in flight, what its handler and the
        tasks of its handler tell is held back. It is delivered in order when the command's events are durable, and
        never if they cannot be stored: then the command has not happened, and leaves no dead letter either.
        """
        if OPEN and (output := current()) is not None:
            output.hold(self._deliver, message)
        else:
            self._deliver(message)

    @abstractmethod
    def _deliver(self, message: M) -> None:
        """Send on behalf of no command, or of one whose events are durable: what each kind of reference does."""

    @overload
    def ask[R](
        self: "BroadcastRef[M]", request: Callable[["ActorRef[R]"], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, tuple[R, ...]]: ...
    @overload
    def ask[R](self, request: Callable[["ActorRef[R]"], M], timeout: float = 5.0) -> Coroutine[Any, Any, R]: ...
    def ask(self, request: Callable[["ActorRef[Any]"], M], timeout: float = 5.0) -> Coroutine[Any, Any, Any]:
        """Send a `Request`, or what a function makes for a reply reference, and wait for the reply.

        Raises what `ActorSystem.ask` raises, and RuntimeError for a reference that belongs to no actor system.
        """
        return self.asks.ask(self, request, timeout)

    @property
    def asks(self) -> "Asking":
        """The asks of the reference's actor system."""
        raise RuntimeError(f"{self} belongs to no actor system that could ask it; use system.ask(ref, request)")

    async def offer(self, message: M) -> None:
        """Like `tell`, but wait for room where the actor's mailbox is bounded and full."""
        self.tell(message)

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ActorRef) and self.address == other.address)

    @override
    def __hash__(self) -> int:
        return hash(self.address.uid)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """The reference itself, so that what holds references can be copied, also by `dataclasses.asdict`."""
        return self

    @override
    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Raises TypeError: pickled bytes could not find the actor system that delivers for this reference."""
        raise TypeError(
            f"cannot pickle {self!r}: a reference is bound to its actor system; send it in a message or store it in an "
            "event, or pickle ref.address.to_uri() and give ActorAddress.from_uri(uri) to system.resolve"
        )


class FrontRef[M](ActorRef[M]):
    """A reference of a front end's own kind, such as that of class-based actors, in front of the runtime's `target`."""

    __slots__ = ()

    target: ActorRef[Any]

    @property
    @override
    def address(self) -> ActorAddress:
        return self.target.address

    @property
    @override
    def asks(self) -> "Asking":
        return self.target.asks

    @override
    def tell(self, message: M) -> None:
        self.target.tell(message)

    @override
    async def offer(self, message: M) -> None:
        await self.target.offer(message)

    @override
    def _deliver(self, message: M) -> None:
        self.target._deliver(message)


def checked_ref(ref: ActorRef[Any], taker: str) -> ActorRef[Any]:
    """The runtime's own reference. Raises `ArgumentError` for what is no reference."""
    if not isinstance(cast("object", ref), ActorRef):
        raise ArgumentError(f"{taker} takes a reference, such as spawn(...) and lookup(...) return, not {ref!r}")
    return ref.target if isinstance(ref, FrontRef) else ref


class BroadcastRef[M](ActorRef[M]):
    """Reaches every member's actor of that name; an `ask` of it returns a tuple of replies."""

    __slots__ = ()


class AddressRef[M](ActorRef[M]):
    """A reference that is nothing but an address: what it does with a message is up to its subclass."""

    __slots__ = ("_address",)

    def __init__(self, address: ActorAddress) -> None:
        self._address = address

    @property
    @override
    def address(self) -> ActorAddress:
        return self._address


class DetachedRef[M](AddressRef[M]):
    """A reference read where no actor system is at hand, for example by a tool that looks into a journal."""

    __slots__ = ()

    @override
    def _deliver(self, message: M) -> None:
        """Raises RuntimeError: there is no system that could deliver it."""
        raise RuntimeError(f"{self._address} was read outside of an actor system, which alone could deliver to it")
