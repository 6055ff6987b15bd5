"""Regions start with their first use, which may be in a command that never happens."""

from collections.abc import Callable

import pytest
from casty import ActorContext, ActorFailedError, ActorSystem, Behavior, Behaviors, InMemoryJournal, ReplicationConfig
from casty.cluster import ClusterScope
from casty.request import Request

from tests.core.objects.cart import Add, Cart, GetItems


class Do(Request[None]): ...


def failing(journal: InMemoryJournal, use: Callable[[ActorSystem], object]) -> Behavior[Do]:
    """An actor whose command uses something, and fails before its event is stored."""

    async def on_command(ctx: ActorContext[Do], state: int, command: Do) -> Behavior[Do]:
        assert isinstance(ctx.system, ActorSystem)
        use(ctx.system)
        raise ValueError("changed its mind")

    return Behaviors.event_sourced(
        entity_id="failing", initial_state=0, on_event=max, on_command=on_command, journal=journal
    )


async def test_a_region_of_structures_outlives_the_command_that_was_the_first_to_use_it() -> None:
    async with InMemoryJournal() as journal, ActorSystem() as system:
        actor = system.spawn(failing(journal, lambda system: system.distributed(replication=ReplicationConfig())))
        with pytest.raises(ActorFailedError, match="changed its mind"):
            await actor.ask(Do())
        assert await system.distributed().counter("c").increment() == 1


async def test_a_region_of_class_actors_outlives_the_command_that_was_the_first_to_use_it() -> None:
    async with InMemoryJournal() as journal, ActorSystem() as system:
        copies = ClusterScope(replication=3).copies
        actor = system.spawn(failing(journal, lambda system: system.class_region(copies)))
        with pytest.raises(ActorFailedError, match="changed its mind"):
            await actor.ask(Do())
        cart = await system.actor(Cart, name="cart", scope=ClusterScope(replication=3))
        await cart.send(Add("a"))
        assert await cart.ask(GetItems()) == {"a": 1.0}
