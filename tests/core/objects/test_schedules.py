"""Messages that a class-based actor schedules for itself, and asks from inside of handlers."""

from typing import Any

import pytest
from casty import Actor, ActorFailedError, ActorSystem, Context, LocalRef
from casty.testing import ManualClock, settle

from tests.core.objects.cart import Add, Cart, Crash, GetTotal


class Clockwork(Actor[Any]):
    """Seed 004 schedules in two spellings."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.ids: list[str] = []

    async def receive(self, msg: Any, ctx: Context) -> None:
        match msg:
            case "schedule":
                self.ids.append(await ctx.schedule(10.0, "scheduled"))
                self.ids.append(await ctx.schedule(timeout=20.0, msg="by name"))
            case "tick":
                self.ids.append(await ctx.tick("tick-tock", interval=10.0))
            case "cancel":
                for task in self.ids:
                    await ctx.cancel_schedule(task)
                    await ctx.cancel_tick(task)
                await ctx.cancel_schedule("unknown")
            case Crash(error):
                raise error
            case None:
                await ctx.reply(self.seen)
            case _:
                self.seen.append(msg)


async def test_schedules_come_once_and_ticks_until_they_are_cancelled(
    actor_system: ActorSystem, manual_time: ManualClock
) -> None:
    ref = await actor_system.actor(Clockwork)
    await ref.send("schedule")
    await ref.send("tick")
    await settle()
    await manual_time.advance(10.0)
    assert await ref.ask(None) == ["scheduled", "tick-tock"]
    await manual_time.advance(20.0)
    assert await ref.ask(None) == ["scheduled", "tick-tock", "by name", "tick-tock", "tick-tock"]
    await ref.send("cancel")
    await settle()
    await manual_time.advance(60.0)
    assert len(await ref.ask(None)) == 5


async def test_a_cancelled_schedule_never_comes(actor_system: ActorSystem, manual_time: ManualClock) -> None:
    ref = await actor_system.actor(Clockwork)
    await ref.send("schedule")
    await ref.send("cancel")
    await settle()
    await manual_time.advance(60.0)
    assert await ref.ask(None) == []


async def test_schedules_end_with_a_restart(actor_system: ActorSystem, manual_time: ManualClock) -> None:
    ref = await actor_system.actor(Clockwork)
    for message in ("schedule", "tick", Crash()):
        await ref.send(message)
    await settle()
    await manual_time.advance(60.0)
    assert await ref.ask(None) == []


@pytest.mark.parametrize("wrong", ["soon", -1.0, None])
async def test_times_are_numbers_of_seconds(actor_system: ActorSystem, wrong: Any) -> None:
    class Wrong(Actor[str]):
        async def receive(self, msg: str, ctx: Context) -> None:
            await (ctx.schedule(wrong, "x") if msg == "schedule" else ctx.tick("x", wrong))

    ref = await actor_system.actor(Wrong)
    for message in ("schedule", "tick"):
        with pytest.raises(ActorFailedError):
            await ref.ask(message)


async def test_an_actor_asks_others_and_never_itself(actor_system: ActorSystem) -> None:
    class Till(Actor[Any]):
        def __init__(self, cart: LocalRef[Any]) -> None:
            self.cart = cart

        async def receive(self, msg: Any, ctx: Context) -> None:
            await ctx.reply(await (ctx.self_ref if msg == "self" else self.cart).ask(GetTotal()))

    cart = await actor_system.actor(Cart)
    await cart.send(Add("a", 5.0))
    till = await actor_system.actor(Till, cart=cart)
    assert await till.ask("cart") == 5.0
    with pytest.raises(ActorFailedError, match="DeadlockError"):
        await till.ask("self")
