"""The entities of one shard, as its owner sees them: what they accept, how they are drained and stopped."""

import asyncio
from typing import Any

import pytest
from casty import ActorStoppedError, ActorSystem, Behaviors, DeadLetter
from casty.behaviors.values import IGNORE
from casty.runtime.children import spawn_cell
from casty.runtime.sharding import Entities, EntityCounts, Recency
from casty.testing import settle

from tests.core.runtime.probe import Events
from tests.core.runtime.stubborn import hasty_config, stubborn
from tests.core.sharding.recording import Ctx, Recording


def shard(system: ActorSystem, entities: Recording, recency: Recency | None = None) -> Entities:
    cell = spawn_cell(system.kernel.root, IGNORE, "shard", None)
    return Entities(cell, entities, settings=system.kernel.settings.resolve("shard"), recency=recency)


async def test_a_drain_ends_when_what_was_accepted_is_handled_and_all_entities_have_stopped(
    system: ActorSystem,
) -> None:
    gate = asyncio.Event()
    entities = Recording(wait=lambda ctx: gate.wait())
    owned = shard(system, entities)
    for text in ("wait", "one", "two"):
        owned.deliver("alice", text)
    owned.deliver("bob", "idle soon")
    await settle()
    owned.deliver("carol", "not yet handled")
    drained = asyncio.create_task(owned.drain())
    await settle()
    assert not drained.done()
    with pytest.raises(ActorStoppedError, match="handed over"):
        owned.deliver("alice", "refused")
    with pytest.raises(ActorStoppedError, match="handed over"):
        owned.deliver("dave", "refused")
    assert owned.counts == EntityCounts(active=1, stopping=0)
    gate.set()
    await drained
    assert sorted(entities.seen) == [
        *("alice.1 one", "alice.1 two", "alice.1 wait", "bob.1 idle soon", "carol.1 not yet handled"),
    ]
    assert owned.counts == EntityCounts(active=0, stopping=0)


async def test_a_shard_without_entities_is_drained_at_once(system: ActorSystem) -> None:
    owned = shard(system, Recording())
    await owned.drain()
    assert owned.counts == EntityCounts(active=0, stopping=0)


async def test_a_drain_handles_what_waits_for_a_passivating_entity_first(system: ActorSystem) -> None:
    gate = asyncio.Event()

    class Entity(Recording):
        def __call__(self, entity_id: str) -> Any:
            async def post_stop(ctx: Ctx) -> None:
                await gate.wait()

            return Behaviors.with_lifecycle(super().__call__(entity_id), post_stop=post_stop)

    entities = Entity()
    owned = shard(system, entities)
    for text in ("passivate", "one", "passivate", "two"):
        owned.deliver("alice", text)
    await settle()
    drained = asyncio.create_task(owned.drain())
    await settle()
    assert entities.seen == ["alice.1 passivate"]
    gate.set()
    await drained
    assert entities.seen == ["alice.1 passivate", "alice.2 one", "alice.2 passivate", "alice.3 two"]


async def test_what_is_still_stashed_at_the_end_of_a_drain_is_a_dead_letter(system: ActorSystem) -> None:
    entities = Recording(stash=lambda ctx: ctx.stash("stashed"))
    owned = shard(system, entities)
    letters = Events(system, DeadLetter)
    owned.deliver("alice", "stash")
    await settle()
    await owned.drain()
    assert [letter.message for letter in letters.seen] == ["stashed"]
    assert entities.starts["alice"] == 1


async def test_a_drain_that_takes_too_long_is_ended_by_a_stop() -> None:
    async with stubborn() as code, ActorSystem(config=hasty_config()) as system:
        entities = Recording(hang=lambda ctx: code.wait())
        owned = shard(system, entities)
        letters = Events(system, DeadLetter)
        owned.deliver("alice", "hang")
        owned.deliver("alice", "never")
        await settle()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await owned.drain()
        await owned.stop()
        assert owned.counts == EntityCounts(active=0, stopping=0)
        assert [letter.message for letter in letters.seen] == ["never"]


async def test_a_drain_of_many_entities_lets_others_have_their_turns(system: ActorSystem) -> None:
    entities, turns, number = Recording(), 0, 5_000
    owned = shard(system, entities)
    for each in range(number):
        owned.deliver(f"entity-{each}", "hello")
    await settle()
    assert owned.counts.active == number
    drained = asyncio.create_task(owned.drain())
    while not drained.done():
        await asyncio.sleep(0)
        turns += 1
    assert owned.counts.active == 0
    assert turns > number / 1_000
