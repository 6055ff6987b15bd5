"""A class-based actor between two starts: its instance, and the handlers of its messages."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast, override

from casty import entropy
from casty.behaviors.behavior import Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.values import UNHANDLED
from casty.errors import BehaviorError
from casty.messages import Asked, Creating
from casty.objects.actor import Context
from casty.objects.handlers import nearest
from casty.objects.merging import Merge, merge
from casty.objects.performer import Family, Performer, Reply
from casty.objects.plan import Method, Plan
from casty.objects.refs import Begin, LocalRef, counts
from casty.ref import ActorRef
from casty.replication import ReplicationConfig
from casty.request import NO_RECEIVER, Request

logger = logging.getLogger("casty")

OUTSIDE: Final = Reply(None, None)
"""Stands for the message while a hook runs: there is none to reply to."""


class Incarnation(Performer):
    """One instance as an actor. A restart makes another one."""

    __slots__ = (
        "_methods",
        "_stack",
        "act",
        "context",
        "copies",
        "current",
        "family",
        "instance",
        "plan",
        "raw",
        "ref",
    )

    def __init__(
        self,
        plan: Plan,
        instance: Any,
        raw: ActorContext[Any],
        ref: LocalRef[Any],
        family: Family,
        copies: ReplicationConfig | None,
    ) -> None:
        self.plan = plan
        self.copies = copies
        self.instance = instance
        self.raw = raw
        self.family = family
        self.ref = ref
        self.context = Context(self)
        self.context.become_that_of(instance)
        self.current: Reply | None = OUTSIDE
        self._stack: list[Callable[[Any, Context], Awaitable[None]]] = []
        """The handlers that `become` has put in place of the class's own."""
        self._methods: dict[type, Method] = {}
        """Those of the plan that this actor has needed; none while another handler is in place."""
        self.act = self._acting()
        """What the runtime calls for each message."""

    @property
    @override
    def name(self) -> str:
        return f"{self.plan.kind.__qualname__} ({self.raw.self.address.path})"

    def _acting(self) -> Callable[[object, Any], Awaitable[Any]]:
        """A function that returns the handler's coroutine. One of its own would cost each message a third more, and
        whatever it had to look up in `self` a little.
        """
        methods, instance, context, method_for = self._methods, self.instance, self.context, self._method_for

        def act(_raw: object, message: Any) -> Awaitable[Any]:
            try:
                method = methods[type(message)]
            except KeyError:
                method = method_for(message)
            return method(instance, message, context)

        return act

    def _method_for(self, message: Any) -> Method:
        """What handles the messages of a class that has not come before, or while another handler is in place."""
        if self._stack:
            return _attend
        kind = type(cast("object", message))
        method = self.plan.methods.get(kind) or self._found(kind)
        self.plan.methods[kind] = self._methods[kind] = method
        return method

    def _found(self, kind: type[Any]) -> Method:
        if kind in (Asked, Creating, Merge) or issubclass(kind, Request):
            return _attend
        name = nearest(kind, self.plan.routes, self.plan.otherwise)
        return _attend if name is None else getattr(self.plan.kind, name)

    async def attend(self, message: Any) -> Behavior[Any] | None:
        """Handle a message that is not simply sent to the method for its class."""
        message, to = taken_apart(message)
        if type(message) is Begin and to is not None:
            to.tell(counts(self.copies))
            return None
        if type(message) is Merge:
            merge(self.instance, message)
            return None
        handler = self._handler_of(message)
        if handler is None:
            return UNHANDLED
        if to is None:
            await handler(message, self.context)
            return None
        self.current = Reply(message, to)
        try:
            await handler(message, Context(self, self.current))
        finally:
            self.current = None
        return None

    def _handler_of(self, message: object) -> Callable[[Any, Context], Awaitable[None]] | None:
        if self._stack:
            return self._stack[-1]
        name = nearest(type(message), self.plan.routes, self.plan.otherwise)
        return None if name is None else getattr(self.instance, name)

    @override
    def become(self, handler: Callable[[Any, Context], Awaitable[None]], discard_old: bool) -> None:
        if discard_old and self._stack:
            self._stack.pop()
        self._stack.append(handler)
        self._methods.clear()

    @override
    def unbecome(self) -> None:
        if self._stack:
            self._stack.pop()

    @override
    def reply(self, reply: Reply | None, value: Any) -> None:
        if reply is OUTSIDE:
            raise BehaviorError(
                f"{self.name} called ctx.reply outside of a handler, where no message waits for a reply; send a "
                "message to a reference instead"
            )
        if reply is None or reply.to is None:
            if self.plan.is_first_dropped():
                logger.error(
                    "%s called ctx.reply for a message that was sent, and not asked: its replies are dropped; use "
                    "await ref.ask(message) to get them",
                    self.name,
                )
            return
        if reply.given:
            raise BehaviorError(
                f"{self.name} replied twice to {type(reply.message).__qualname__}, which is asked and gets one reply; "
                "send further messages to a reference"
            )
        reply.given = True
        reply.to.tell(value)

    @override
    def start_timer(self, message: Any, *, every: float | None = None, after: float | None = None) -> str:
        # Such an id may be stored with the state: it must name nothing in a later incarnation.
        key = f"{type(message).__qualname__}-{entropy.source().token(8).hex()}"
        self.raw.timers.start(key, message, every=every, after=after)
        return key

    @override
    def check_other(self, child: ActorRef[Any]) -> None:
        if child == self.raw.self:
            raise BehaviorError(f"{self.name} cannot wait for its own end in stop_child; call ctx.stop()")


def _attend(_instance: object, message: Any, context: Context) -> Awaitable[Any]:
    return cast("Incarnation", context.performer).attend(message)


def taken_apart(message: Any) -> tuple[Any, ActorRef[Any] | None]:
    """The message as its sender has sent it, and where a reply goes if it is asked."""
    if type(message) is Creating:
        message = message.message
    if type(message) is Asked:
        return message.message, message.reply_to
    if not isinstance(message, Request):
        return message, None
    request = cast("Request[Any]", message)
    return request, None if request.reply_to is NO_RECEIVER else request.reply_to
