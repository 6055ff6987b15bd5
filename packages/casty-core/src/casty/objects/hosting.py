"""A class as a behavior: what turns an instance and its hooks into handlers that the runtime calls.

The behavior belongs to one actor, through all of its incarnations.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from casty.behaviors.behavior import Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.values import ActBehavior, LifecycleBehavior, SetupBehavior
from casty.errors import ActorFailedError, ActorStoppedError, JournalError, JournalSetupError
from casty.interruption import described
from casty.messages import Asked, Creating
from casty.objects.durable import Lasting
from casty.objects.incarnation import OUTSIDE, Incarnation
from casty.objects.merging import Merge
from casty.objects.performer import Family
from casty.objects.plan import Plan
from casty.objects.refs import LocalRef
from casty.objects.supervision import MultiChildStrategy, Supervision
from casty.replication import ReplicationConfig


class Launch:
    """The first start of an actor, for those that wait for its outcome."""

    __slots__ = ("_failure", "_over")

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._failure: Exception | None = None

    def succeeded(self) -> None:
        self._over.set()

    def failed(self, failure: Exception) -> None:
        """The actor has stopped. Nothing happens if it had started before."""
        if not self._over.is_set():
            self._failure = failure
            self._over.set()

    async def over(self) -> None:
        """Wait until the actor has started. Raises what keeps it from it for good."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure


def never() -> int:
    """Of a node that is in no cluster."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What an actor is made from."""

    plan: Plan
    positional: tuple[object, ...] = ()
    named: Mapping[str, object]
    supervision: Supervision
    durable: bool = False
    copies: ReplicationConfig | None = None
    """Of a durable state, on other nodes."""
    outages: Callable[[], int] = never
    """How often this node was downed, where a state that it had until then is to be merged."""
    ref: LocalRef[Any] | None = None
    """The actor's own reference, if that is not the one to this very actor."""
    entity_id: str | None = None
    """Under which a durable state is stored; None: the actor's path."""


type Adopt = Callable[[ActorContext[Any], bool], Family]
"""Makes the family of a started actor; the flag says whether its children are restarted together."""


class Hosted:
    """One class-based actor, through all of its incarnations."""

    def __init__(
        self,
        creation: Creation,
        adopt: Adopt,
        *,
        started: Callable[[], None] | None = None,
        stopped: Callable[[], None] | None = None,
    ) -> None:
        self.creation = creation
        self.launch = Launch()
        self._adopt = adopt
        self._started = started
        self._stopped = stopped
        self._incarnation: Incarnation | None = None
        self._failure: BaseException | None = None
        """What the class raised at the last start."""
        self._cause: BaseException | None = None
        """The failure that the present restart is for."""
        self._outages = creation.outages()
        """Before it has started."""
        self._lasting: Lasting | None = None
        """The last incarnation that has a stored state and has started."""

    def behavior(self) -> Behavior[Any]:
        return self.creation.supervision.around(self.unsupervised())

    def unsupervised(self) -> Behavior[Any]:
        """The behavior without supervision, for an actor that has it already."""
        return self.with_hooks(SetupBehavior(self.set_up))

    def with_hooks(self, behavior: Behavior[Any]) -> Behavior[Any]:
        return LifecycleBehavior(
            behavior=behavior,
            restarting=self._before_restart,
            post_restart=self._after_restart,
            post_stop=self._after_stop,
        )

    async def set_up(self, raw: ActorContext[Any]) -> Behavior[Any]:
        """Make an instance, and start it unless it has to recover first."""
        away = isinstance(self._cause, JournalError) and not isinstance(self._cause, JournalSetupError)
        if self.creation.durable and away:
            self.launch.succeeded()  # it may be for long, and the actor starts when its journal is back
        self._incarnation = self._failure = None
        with self._noting_failures():
            incarnation = self._incarnate(raw)
            if not self.creation.durable:
                await self._start(incarnation)
                return ActBehavior(incarnation.act)
            self._incarnation = incarnation
            return self._recovering(Lasting(incarnation))

    def _incarnate(self, raw: ActorContext[Any]) -> Incarnation:
        creation = self.creation
        together = creation.supervision.config.multi_child is not MultiChildStrategy.ONE_FOR_ONE
        instance = creation.plan.make(creation.positional, creation.named)
        ref: LocalRef[Any] = creation.ref or LocalRef(raw.self, creation.plan.accepts)
        return Incarnation(creation.plan, instance, raw, ref, self._adopt(raw, together), creation.copies)

    async def _start(self, incarnation: Incarnation) -> None:
        await incarnation.instance.on_start()
        incarnation.current = None
        self._incarnation = incarnation
        self.launch.succeeded()
        if self._started is not None:
            self._started()

    def _recovering(self, lasting: Lasting) -> Behavior[Any]:
        async def recovered(stored: Any) -> None:
            with self._noting_failures():
                if stored is not None:
                    lasting.take_over(stored)
                await self._start(lasting.incarnation)
                self._lasting = lasting

        raw = lasting.incarnation.raw
        return lasting.behavior(self.creation.entity_id or raw.self.address.path.removeprefix("/"), recovered)

    async def _before_restart(self, raw: ActorContext[Any], error: BaseException, message: object) -> None:
        self._cause = error
        incarnation = self._incarnation
        if incarnation is not None:
            incarnation.current = OUTSIDE
            while isinstance(message, Asked | Creating):
                message = message.message
            await incarnation.instance.pre_restart(error, message)

    async def _after_restart(self, raw: ActorContext[Any]) -> None:
        cause, self._cause = self._cause, None
        if self._incarnation is not None and cause is not None:
            await self._incarnation.instance.post_restart(cause)

    async def _after_stop(self, raw: ActorContext[Any]) -> None:
        path = raw.self.address.path
        if self._stopped is not None:
            self._stopped()
        self.launch.failed(self._refusal(path))
        if self._lasting is not None and self.creation.outages() != self._outages and self.creation.ref is not None:
            self.creation.ref.tell(Merge(self._lasting.newest()))  # waits until this node is a member again
        incarnation, self._incarnation = self._incarnation, None
        if incarnation is not None:
            incarnation.current = OUTSIDE
            await incarnation.instance.on_stop()

    def _refusal(self, path: str) -> Exception:
        """The error for those that have waited for the actor's start."""
        kind = self.creation.plan.kind.__qualname__
        cause = self._failure or self._cause
        if cause is None:
            return ActorStoppedError(f"{kind} ({path}) was stopped before it had started")
        failure = ActorFailedError(
            f"{kind} ({path}) did not start and has stopped: {described(cause)}; see the cause: its constructor or "
            "on_start raised it"
        )
        failure.__cause__ = cause
        return failure

    @contextmanager
    def _noting_failures(self) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            self._failure = error
            raise
