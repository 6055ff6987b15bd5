"""A durable class-based actor as a behavior: its state is stored after each message that has changed it."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from casty.behaviors.behavior import Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.persistent import CONFIRMED, DurableStateBehavior, UpdatedBehavior
from casty.behaviors.values import SAME
from casty.errors import BehaviorError
from casty.objects.incarnation import Incarnation
from casty.objects.state import Memory


class Lasting:
    """One incarnation whose state is stored."""

    def __init__(self, incarnation: Incarnation) -> None:
        self.incarnation = incarnation
        copies = incarnation.copies
        # Where copies have to confirm what is stored, they confirm what is read.
        self._unchanged = CONFIRMED if copies is not None and copies.min_acks else SAME
        self._memory = Memory(incarnation.instance, incarnation.raw.system.serializer)

    def behavior(self, entity_id: str, recovered: Callable[[Any], Awaitable[None]]) -> Behavior[Any]:
        """`recovered` is given what is stored, None where nothing is, before the first message."""
        return DurableStateBehavior(
            entity_id=entity_id,
            initial_state=_nothing,
            on_command=self._handle,
            on_recovery_completed=lambda _raw, stored: recovered(stored),
        )

    def take_over(self, stored: Any) -> None:
        """Begin with what is stored."""
        try:
            self.incarnation.instance.set_state(stored)
        except Exception as error:
            raise BehaviorError(
                f"{self.incarnation.name} could not take over its stored state, a {type(stored).__qualname__}: "
                f"{error!r}; define set_state for what earlier versions have stored"
            ) from error
        self._memory.changed()  # from here on, what is stored is what it has

    def newest(self) -> Any:
        """The state after the last message."""
        return self._memory.copy(self._memory.newest)

    async def _handle(self, raw: ActorContext[Any], _stored: Any, message: Any) -> Behavior[Any]:
        following = await self.incarnation.act(raw, message)
        changed = self._memory.changed()
        if changed is not None:
            return UpdatedBehavior(self._memory.copy(changed))
        return cast("Behavior[Any]", following) if isinstance(following, Behavior) else self._unchanged


def _nothing() -> None:
    """The state before any is stored."""
