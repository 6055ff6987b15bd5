"""What a class-based actor is: its base class, the context of its handlers, and its system as it sees it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Final, Protocol, cast
from weakref import WeakValueDictionary

from casty.behaviors.clustered import RegionRef
from casty.behaviors.functions import checked_async
from casty.behaviors.system import System
from casty.errors import BehaviorError
from casty.objects.handlers import checked_routes
from casty.objects.performer import Performer, Reply
from casty.objects.refs import LocalRef, identity
from casty.objects.scope import Scope
from casty.objects.state import fields_of, restore
from casty.objects.supervision import SupervisorConfig
from casty.ref import ActorRef
from casty.replication import ReplicationConfig

_CONTEXTS: WeakValueDictionary[int, "Context"] = WeakValueDictionary()
"""By the identity of instances, as these may replace their `__dict__`."""


class ContextAttribute:
    """`self._ctx` of an instance that has lost its own, or has none yet."""

    def __get__(self, instance: object, owner: type) -> "Context | ContextAttribute":
        """Raises `BehaviorError` in the constructor."""
        if instance is None:
            return self
        context = _CONTEXTS.get(id(instance))
        if context is None or not context.is_of(instance):
            raise BehaviorError(f"{owner.__qualname__} used self._ctx in its constructor; use it from on_start on")
        return context


class Context:
    """One class-based actor's view of the system. Use it only inside that actor's handlers and hooks.

    The context that a handler is given replies to the message of that handler, also after the handler has ended.
    """

    __slots__ = ("__weakref__", "_reply", "performer")

    def __init__(self, performer: Performer, reply: Reply | None = None) -> None:
        self.performer = performer
        self._reply = reply

    def become_that_of(self, instance: object) -> None:
        """Be the `_ctx` of an instance."""
        object.__setattr__(instance, "_ctx", self)  # as a frozen dataclass refuses its own
        _CONTEXTS[id(instance)] = self

    def is_of(self, instance: object) -> bool:
        """Whether it is the context of this very instance."""
        return self.performer.instance is instance

    @property
    def self_ref(self) -> LocalRef[Any]:
        """The reference to this actor."""
        return self.performer.ref

    @property
    def system(self) -> "ActorsByClass":
        """The actor system."""
        return cast("ActorsByClass", self.performer.raw.system)

    @property
    def sender(self) -> ActorRef[Any] | None:
        """Where a reply to this message goes; None for a message that was sent, and not asked."""
        reply = self._reply or self.performer.current
        return None if reply is None else reply.to

    @property
    def children(self) -> Sequence[ActorRef[Any]]:
        """The living children in the order in which they were created."""
        return [self.performer.family.facing(ref) for ref in self.performer.raw.children]

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that names the actor's path."""
        return self.performer.raw.log

    async def reply(self, value: Any) -> None:
        """Reply to an ask. The reply to a message that was sent, and not asked, is dropped, and logged once.

        Raises `BehaviorError` for a second reply, and outside of handlers.
        """
        self.performer.reply(self._reply or self.performer.current, value)

    async def actor[M, **P](
        self,
        kind: "Callable[P, Actor[M]]",
        /,
        name: str | None = None,
        durable: bool = False,
        supervision: SupervisorConfig | None = None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> LocalRef[M]:
        """Create a child, or get the one of that name; see `system.actor`. It stops with this actor, and when this one
        is restarted.
        """
        return await self.performer.family.actor(kind, name, durable, supervision, args, kwargs)

    async def stop_child(self, child: ActorRef[Any]) -> None:
        """Stop a child after the message that it is handling, and wait until it has stopped."""
        self.performer.check_other(child)
        self.performer.raw.stop(child)
        await self.performer.family.end_of(child)

    def stop(self) -> None:
        """Stop this actor after the message that it is handling."""
        self.performer.raw.stop(self.performer.raw.self)

    def become(self, handler: Callable[[Any, "Context"], Awaitable[None]], discard_old: bool = False) -> None:
        """Have `handler(msg, ctx)` handle all further messages, until `unbecome`; instead of the one before with
        `discard_old`.
        """
        handler = checked_async(handler, 2, f"become of {self.performer.name}", "handler(self, msg, ctx)")
        self.performer.become(handler, discard_old)

    def unbecome(self) -> None:
        """Go back to the handler before the last `become`; nothing happens if there was none."""
        self.performer.unbecome()

    async def schedule(self, timeout: float, msg: Any) -> str:
        """Send this actor `msg` once, after `timeout` seconds; the id is for `cancel_schedule`.

        Schedules and ticks end when the actor stops or is restarted.
        """
        return self.performer.start_timer(msg, after=timeout)

    async def cancel_schedule(self, task_id: str) -> None:
        """Nothing happens if the message has been handled. One that waits in the mailbox already is revoked."""
        self.performer.raw.timers.cancel(task_id)

    async def tick(self, msg: Any, interval: float) -> str:
        """Send this actor `msg` every `interval` seconds; the id is for `cancel_tick`."""
        return self.performer.start_timer(msg, every=interval)

    async def cancel_tick(self, sub_id: str) -> None:
        """End a tick; nothing happens if it has ended."""
        self.performer.raw.timers.cancel(sub_id)


class ActorsByClass(System, Protocol):
    """An actor system of which classes derived from `Actor` are the actors."""

    async def actor[M, **P](
        self,
        kind: "Callable[P, Actor[M]]",
        /,
        name: str | None = None,
        durable: bool = False,
        scope: Scope = "local",
        supervision: SupervisorConfig | None = None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> LocalRef[M]:
        """Create an actor that is an instance of a class, or get the living one of that name.

        `kwargs` are the arguments of its constructor, for the first instance and those after restarts. It returns when
        the actor has started, or, for a durable one whose journal is away, has begun to wait for that. Of an actor that
        does not start, supervision decides; it raises `ActorFailedError` when that has stopped the actor.

        With `scope="cluster"`, or a `ClusterScope`, it is an actor of the whole cluster: see `ClusterScope`. Its class
        is part of its name, has its supervision by `@supervised`, and is imported on every node. The state of one that
        is neither `durable` nor has copies ends with its node. A local system is a cluster of one node.
        """
        ...

    def class_region(self, copies: ReplicationConfig | None = None) -> RegionRef[Any]:
        """The region of the cluster's class-based actors with that many copies."""
        ...


KINDS: Final[WeakValueDictionary[str, type["Actor[Any]"]]] = WeakValueDictionary()
"""The actors' classes of this process, by `identity`: what other nodes ask for is never imported."""


class Actor[M]:
    """Base of classes whose instances are actors that take messages of type M.

    A class defines `receive(self, msg, ctx)`, or methods with `@on`, or both; and any of the hooks below.
    `system.actor` makes the instance, and a restart makes another one. `self._ctx` is the context, from `on_start` on.

    With `durable=True`, `get_state` is what is stored after a message that has changed it.
    """

    __casty_exclude_fields__: ClassVar[Any] = frozenset[str]()
    """Names of attributes that are not stored, beside those that begin with an underscore."""

    __casty_routes__: ClassVar[dict[type, str]] = {}
    """The names of the methods with `@on`, by the classes of messages that they name."""
    _ctx: Context = cast(Context, ContextAttribute())

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.__casty_routes__ = checked_routes(cls)
        KINDS[identity(cls)] = cls

    async def receive(self, msg: M, ctx: Context) -> None:
        """Handle a message that no method with `@on` handles."""

    async def on_start(self) -> None:
        """Called before the first message, and again for the new instance after a restart."""

    async def on_stop(self) -> None:
        """Called when the actor stops, after its children."""

    async def pre_restart(self, exc: BaseException, msg: M | None) -> None:
        """Called on the old instance before a restart, with the message that failed, if the failure was its."""

    async def post_restart(self, exc: BaseException) -> None:
        """Called on the new instance after a restart, when `on_start` has been."""

    def get_state(self) -> Any:
        """What is stored of a durable actor: its attributes by name, without those that are excluded."""
        excluded = frozenset(cast("Any", type(self)).__casty_exclude_fields__)
        return {name: value for name, value in fields_of(self) if not name.startswith("_") and name not in excluded}

    def set_state(self, state: Any) -> None:
        """Take over what `get_state` has returned, on a new instance. Attributes that are not stored stay as they
        are.
        """
        restore(self, state)
