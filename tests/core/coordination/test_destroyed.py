"""`destroy()`: what is left of a structure, and what its callers learn."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination.leases import Leased
from casty.distributed import Distributed
from casty.journal import SqliteJournal
from casty.spi.event_journal import EventJournal
from casty.testing import manual_time

SECRET = "the secret of a user"

SECRETS: dict[str, Callable[[Distributed], list[Awaitable[object]]]] = {
    "register": lambda d: [d.register("x").set(SECRET)],
    "map": lambda d: [d.map("x", shards=3).put(SECRET, SECRET)],
    "set": lambda d: [d.set("x").add(SECRET)],
    "queue": lambda d: [d.queue("x").enqueue(SECRET), d.queue("x").reserve(visibility=60.0)],
    "dequeued": lambda d: [d.queue("x").enqueue(SECRET), d.queue("x").dequeue()],
    "election": lambda d: [d.election("x", candidate=SECRET).campaign()],
}
DESTROYED: dict[str, Callable[[Distributed], Awaitable[None]]] = {
    "register": lambda d: d.register("x").destroy(),
    "map": lambda d: d.map("x", shards=3).destroy(),
    "set": lambda d: d.set("x").destroy(),
    "queue": lambda d: d.queue("x").destroy(),
    "dequeued": lambda d: d.queue("x").destroy(),
    "election": lambda d: d.election("x").destroy(),
}


@pytest.mark.parametrize("journal_of", ["memory", "sqlite"])
@pytest.mark.parametrize("kind", SECRETS)
async def test_what_is_destroyed_leaves_no_history(kind: str, journal_of: str, tmp_path: Path) -> None:
    opened = InMemoryJournal() if journal_of == "memory" else SqliteJournal(f"{tmp_path}/events.db")
    async with opened as journal:
        async with ActorSystem() as system:
            d = system.distributed(journal)
            for use in SECRETS[kind](d):
                await use
            assert SECRET in await history(journal)
            await DESTROYED[kind](d)
        assert SECRET not in await history(journal)


async def history(journal: EventJournal) -> str:
    """All that is stored of the structures."""
    kinds, names = ("register", "map", "set", "queue", "election"), ("x", "0:x", "1:x", "2:x")
    ids = [f"casty-distributed:{kind}:{name}" for kind in kinds for name in names]
    return repr([(await journal.load(one), await journal.load_snapshot(one)) for one in ids])


USES: list[Callable[[Distributed], Awaitable[object]]] = [
    lambda d: d.counter("x").increment(5),
    lambda d: d.map("x").put("k", 1),
    lambda d: d.set("x").add(1),
    lambda d: d.queue("x").enqueue(1),
    lambda d: d.register("x").set(1),
]


@pytest.mark.parametrize("use", USES)
async def test_what_is_destroyed_is_as_new(use: Callable[[Distributed], Awaitable[object]], journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await use(d)
        for structure in (d.counter("x"), d.map("x"), d.set("x"), d.queue("x"), d.register("x")):
            await structure.destroy()
        assert await d.counter("x").get() == 0
        assert [item async for item in d.map("x").items()] == []
        assert [await d.set("x").size(), await d.queue("x").size(), await d.register("x").get()] == [0, 0, None]
        await use(d)  # also for handles that were made before


LEASED: dict[str, Callable[[Distributed], Leased]] = {
    "lock": lambda d: d.lock("x"),
    "semaphore": lambda d: d.semaphore("x", 2),
    "election": lambda d: d.election("x"),
}


@pytest.mark.parametrize("kind", LEASED)
async def test_a_caller_that_waits_for_what_is_destroyed_gets_the_new_one(kind: str, journal: Any) -> None:
    """At once: not when it would ask again by itself."""
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(journal)
        first, second = LEASED[kind](d), LEASED[kind](d)
        held = [await first.acquire() for _ in range(2 if kind == "semaphore" else 1)]
        waiting = asyncio.create_task(second.acquire())
        assert await first.try_acquire() is False
        await first.destroy()
        assert (await waiting).token == len(held) + 1
        assert await held[0].release() is False


async def test_parties_of_a_barrier_that_is_destroyed_meet_at_the_new_one(journal: Any) -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(journal)
        arriving = asyncio.create_task(d.barrier("x", "a").arrive(2))
        await asyncio.sleep(0)
        assert await d.barrier("x").present() == ("a",)
        await d.barrier("x").destroy()
        assert await asyncio.gather(arriving, d.barrier("x", "b").arrive(2)) == [1, 1]


async def test_callers_learn_that_the_queue_or_map_that_they_wait_for_is_destroyed(journal: Any) -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(journal)
        await d.map("x").put("k", 1)
        watch = d.map("x").watch("k")
        assert await anext(watch) == 1
        changed = asyncio.ensure_future(anext(watch))
        consumer = asyncio.create_task(d.queue("x").dequeue(wait=60.0))
        await asyncio.sleep(0)
        assert [await d.map("x").get("k"), await d.queue("x").size()] == [1, 0]
        await d.map("x").destroy()
        assert await changed is None
        await d.queue("x").destroy()
        await d.queue("x").enqueue("item")
        await clock.advance(0.0)
        assert await consumer == "item"
        await watch.aclose()
