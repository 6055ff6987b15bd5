"""Behaviors for the tests of the kit."""

from collections.abc import Callable
from typing import Any

from casty import ActorContext, Behavior, Behaviors

type Ctx = ActorContext[Any]


async def ignore(_ctx: Ctx, _message: str) -> Behavior[str]:
    return Behaviors.same()


CHILD = Behaviors.receive(ignore)


def does(action: Callable[[Ctx, Any], object]) -> Behavior[Any]:
    """An actor that calls `action` and goes on with what it returns, if that is anything."""

    async def handler(ctx: Ctx, message: Any) -> Any:
        following = action(ctx, message)
        return Behaviors.same() if following is None else following

    return Behaviors.receive(handler)
