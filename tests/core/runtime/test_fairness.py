"""An actor with little to do does not wait for all actors with a lot to do."""

import asyncio
from typing import Any

from casty import ActorContext, ActorSystem, Behavior, Behaviors
from casty.runtime.dispatcher import BUDGET

FLOODED = 20
LONG_ENOUGH = 200_000


async def test_an_actor_with_one_message_does_not_wait_for_every_flooded_one(system: ActorSystem) -> None:
    handled = 0
    told_after: list[int] = []
    answered_after = asyncio.get_running_loop().create_future()

    async def go_on(ctx: ActorContext[Any], message: object) -> Behavior[Any]:
        nonlocal handled
        handled += 1
        if handled == 3 * FLOODED * BUDGET:  # every actor has been running for a while
            told_after.append(handled)
            quiet.tell(None)
        if not answered_after.done():
            ctx.self.tell(message)
        return Behaviors.same()

    async def answer(ctx: ActorContext[Any], message: object) -> Behavior[Any]:
        answered_after.set_result(handled)
        return Behaviors.same()

    quiet = system.spawn(Behaviors.receive(answer))
    for _ in range(FLOODED):
        system.spawn(Behaviors.receive(go_on)).tell(None)
    assert await answered_after - told_after[0] <= 2 * BUDGET


async def test_a_flooded_actor_has_its_turns_while_others_keep_each_other_awake(system: ActorSystem) -> None:
    flooded_is_through = asyncio.get_running_loop().create_future()
    left = 3 * BUDGET
    passed_on = 0

    async def count_down(ctx: ActorContext[Any], message: object) -> Behavior[Any]:
        nonlocal left
        left -= 1
        if not left:
            flooded_is_through.set_result(None)
        return Behaviors.same()

    async def pass_on(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        nonlocal passed_on
        passed_on += 1
        if passed_on < LONG_ENOUGH and not flooded_is_through.done():
            message.tell(ctx.self)
        return Behaviors.same()

    left_hand, right_hand = (system.spawn(Behaviors.receive(pass_on)) for _ in range(2))
    left_hand.tell(right_hand)
    flooded = system.spawn(Behaviors.receive(count_down))
    for _ in range(left):
        flooded.tell(None)
    await flooded_is_through
    assert passed_on < LONG_ENOUGH
