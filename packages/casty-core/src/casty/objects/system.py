"""How actor systems create class-based actors."""

from collections.abc import Callable
from functools import cached_property
from typing import Protocol, override

from casty.objects.actor import Actor, ActorsByClass
from casty.objects.family import Nursery
from casty.objects.refs import LocalRef
from casty.objects.supervision import SupervisorConfig


class ClassActorSystem(ActorsByClass, Protocol):
    """An actor system, by the methods of `System`."""

    @override
    async def actor[M, **P](
        self,
        kind: Callable[P, Actor[M]],
        /,
        name: str | None = None,
        durable: bool = False,
        supervision: SupervisorConfig | None = None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> LocalRef[M]:
        """See `ActorsByClass.actor`."""
        return await self._by_class.actor(kind, name, durable, supervision, args, kwargs)

    @cached_property
    def _by_class(self) -> Nursery:
        return Nursery(self, self.spawn)
