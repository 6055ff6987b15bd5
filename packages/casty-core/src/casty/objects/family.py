"""Creating class-based actors under one parent, each name once."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, override
from weakref import WeakValueDictionary

from casty.behaviors.behavior import Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.system import System
from casty.behaviors.values import SAME, ReceiveBehavior, SetupBehavior
from casty.errors import ActorNameError, ArgumentError
from casty.messages import Terminated
from casty.objects.hosting import Creation, Hosted
from casty.objects.performer import Family
from casty.objects.plan import Plan, plan_of
from casty.objects.refs import LocalRef
from casty.objects.supervision import SupervisorConfig, supervision_of
from casty.output_commit import OPEN, current, outside
from casty.ref import ActorRef

NUMBERS: Final = count(1)
"""For the names of watchers."""

logger = logging.getLogger("casty")

type Spawn = Callable[[Behavior[Any], str | None], ActorRef[Any]]


@dataclass(frozen=True, slots=True)
class Member:
    """A living actor."""

    ref: LocalRef[Any]
    hosted: Hosted

    def check_is(self, plan: Plan, *, durable: bool) -> None:
        """Raises `ActorNameError` unless it is of that class; warns where it is not as durable as expected."""
        own, path = self.hosted.creation, self.ref.address.path
        if own.plan.kind is not plan.kind:
            raise ActorNameError(
                f"there is an actor at {path} already, a {own.plan.kind.__qualname__} and no "
                f"{plan.kind.__qualname__}: choose another name"
            )
        if durable and not own.durable:
            logger.warning(
                "the %s at %s was created without durable=True: its state is not stored; create it so the first time",
                plan.kind.__qualname__,
                path,
            )


class Nursery(Family):
    """The class-based actors under one parent. `together`: the parent restarts them together."""

    def __init__(self, system: System, spawn: Spawn, *, together: bool = False) -> None:
        self._system = system
        self._spawn = spawn
        self._together = together
        self._living: dict[str, Member] = {}
        self._ending: WeakValueDictionary[str, ActorRef[Any]] = WeakValueDictionary()
        """Those that have stopped, whose names may not be free yet."""

    @override
    async def actor(
        self,
        kind: object,
        name: str | None,
        durable: bool,
        supervision: SupervisorConfig | None,
        positional: tuple[object, ...],
        named: Mapping[str, object],
    ) -> LocalRef[Any]:
        plan = plan_of(kind)
        if durable and name is None:
            raise ArgumentError(f"a durable {plan.kind.__qualname__} is found by its name: give it one, name=...")
        given = supervision_of(plan.kind, supervision, shared=self._together)
        member = await self._found(name)
        if member is None:
            plan.check_arguments(positional, named)
            creation = Creation(plan=plan, positional=positional, named=named, supervision=given, durable=durable)
            member = self._create(creation, name)
        else:
            member.check_is(plan, durable=durable)
        # A command's actors start when the command has ended: it cannot wait for them.
        if not OPEN or current() is None:
            await member.hosted.launch.over()
        return member.ref

    async def _found(self, name: str | None) -> Member | None:
        """The living actor of that name. Its predecessor has ended where there is none."""
        if name is None:
            return None
        while (ending := self._ending.get(name)) is not None:
            await self.end_of(ending)
            if self._ending.get(name) is ending:
                del self._ending[name]
        member = self._living.get(name)
        if member is not None and self._system.lookup(member.ref.address.path) != member.ref:
            del self._living[name]  # it has never started: the command that created it has not happened
            return None
        return member

    def _create(self, creation: Creation, name: str | None) -> Member:
        hosted = Hosted(creation, adopt, stopped=lambda: self._stopped(ref))
        ref = self._spawn(hosted.behavior(), name)
        member = Member(LocalRef(ref, creation.plan.accepts), hosted)
        self._living[_name(ref)] = member
        return member

    def _stopped(self, ref: ActorRef[Any]) -> None:
        name = _name(ref)
        self._living.pop(name, None)
        self._ending[name] = ref

    @override
    def facing(self, ref: ActorRef[Any]) -> ActorRef[Any]:
        member = self._living.get(_name(ref))
        return ref if member is None else member.ref

    @override
    async def end_of(self, ref: ActorRef[Any]) -> None:
        ended = asyncio.Event()

        async def watch(raw: ActorContext[Any]) -> Behavior[Any]:
            raw.watch(ref)
            return ReceiveBehavior(notice)

        async def notice(raw: ActorContext[Any], message: Terminated) -> Behavior[Any]:
            ended.set()
            raw.stop(raw.self)
            return SAME

        # The caller waits, and so the watcher cannot wait for the caller's command.
        outside(self._system.spawn, SetupBehavior(watch), f"_end-{next(NUMBERS)}")
        await ended.wait()


def adopt(raw: ActorContext[Any], together: bool) -> Family:
    """The family of a started actor."""
    return Nursery(raw.system, raw.spawn, together=together)


def _name(ref: ActorRef[Any]) -> str:
    return ref.address.path.rpartition("/")[2]
