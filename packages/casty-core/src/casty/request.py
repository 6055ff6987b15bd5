"""Messages that carry the type of their reply: `await ref.ask(GetTotal())` is known to be a float."""

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final, Self, override

from casty.address import ActorAddress
from casty.ref import ActorRef, AddressRef


class NoReceiverRef(AddressRef[Any]):
    """The reply reference of a request that was sent without an ask: a reply to it is dropped."""

    __slots__ = ()

    @override
    def _deliver(self, message: Any) -> None:
        """Drop the message: no actor waits for it."""


NO_RECEIVER: Final = NoReceiverRef(ActorAddress(system="_", path="/_nobody"))


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True, kw_only=True)
class Request[R]:
    """Base of messages whose reply is an R. A subclass is a frozen dataclass of its own:

        @dataclass(frozen=True)
        class GetTotal(Request[float]):
            account: str

        total = await ref.ask(GetTotal("alice"))  # a float

    The handler replies with `request.reply_to.tell(total)`. An ask fills in `reply_to`, in a copy, so that one request
    may be asked many times. A plain `tell` may name the receiver of the reply:
    `ref.tell(GetTotal("alice", reply_to=me))`.
    """

    reply_to: ActorRef[R] = field(default=NO_RECEIVER, compare=False, repr=False)

    def __call__(self, reply_to: ActorRef[R], /) -> Self:
        """The same request, with its reply going to `reply_to`: a request is its own factory, for any kind of ask."""
        request = object.__new__(type(self))
        for name in _fields_of(type(self)):
            object.__setattr__(request, name, getattr(self, name))
        object.__setattr__(request, "reply_to", reply_to)
        return request


@cache
def _fields_of(kind: type[Request[Any]]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
