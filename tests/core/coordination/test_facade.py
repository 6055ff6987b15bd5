"""`system.distributed()` on one process: what it returns, refuses, keeps and forgets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination.entity import KINDS
from casty.distributed import Distributed
from casty.testing import manual_time
from casty.testing.linearizability import (
    CounterModel,
    History,
    MapKeyModel,
    QueueModel,
    SetModel,
    check_linearizable,
)

from tests.core.persistence.ledger import HandJournal


@dataclass(frozen=True)
class User:
    name: str
    email: str


async def test_structures_do_what_the_seed_documents_promise(journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal=journal)
        views = d.counter("page-views", shards=50)
        assert [await views.increment(100), await views.decrement(10), await views.get()] == [100, 90, 90]

        users = d.map[str, User]("users", shards=50)
        alice = User("Alice", "alice@example.com")
        assert await users.put("alice", alice) is None
        assert await users.get("alice") == alice
        assert await users.contains("alice") is True
        assert await users.delete("alice") is True
        assert await users.delete("alice") is False

        tags = d.set[str]("active-tags", shards=50)
        assert [await tags.add("python"), await tags.add("python"), await tags.size()] == [True, False, 1]

        jobs = d.queue[str]("work-queue", shards=50)
        await jobs.enqueue("task-1")
        assert [await jobs.peek(), await jobs.dequeue(), await jobs.dequeue()] == ["task-1", "task-1", None]

        lock = d.lock("deploy-lock", shards=10)
        await lock.acquire()
        assert await lock.release() is True
        assert [await lock.try_acquire(), await d.lock("deploy-lock").try_acquire()] == [True, False]

        semaphore = d.semaphore("db-pool", permits=5, shards=10)
        await semaphore.acquire()
        assert await semaphore.release() is True

        arrivals = await asyncio.gather(*(d.barrier("phase-1").arrive(expected=3) for _ in range(3)))
        assert arrivals == [1, 1, 1]


MADE: dict[str, Callable[[Distributed], Any]] = {
    "counter": lambda d: d.counter("x", shards=7, timeout=3.0),
    "register": lambda d: d.register[str]("x", shards=7, timeout=3.0),
    "map": lambda d: d.map[str, int]("x", shards=7, timeout=3.0),
    "set": lambda d: d.set[str]("x", shards=7, timeout=3.0),
    "queue": lambda d: d.queue[str]("x", shards=7, timeout=3.0),
    "lock": lambda d: d.lock("x", shards=7, timeout=3.0),
    "semaphore": lambda d: d.semaphore("x", 2, shards=7, timeout=3.0),
    "election": lambda d: d.election("x", shards=7, timeout=3.0),
    "barrier": lambda d: d.barrier("x", shards=7, timeout=3.0),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_takes_shards_and_timeout(kind: str) -> None:
    async with ActorSystem() as system:
        handle = MADE[kind](system.distributed())
        assert (handle.name, handle.timeout) == ("x", 3.0)
        await handle.destroy()


async def test_more_than_the_seed(journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        counter = d.counter("c")
        await counter.increment(10**30)
        assert [await counter.get_and_reset(), await counter.get()] == [10**30, 0]

        register = d.register[str]("r")
        assert await register.get() is None
        assert await register.compare_and_set(None, "a") is True
        assert await register.compare_and_set("b", "c") is False
        await register.set("d")
        assert await register.get() == "d"

        table = d.map[str, int]("m")
        assert [await table.put_if_absent("k", 1), await table.put_if_absent("k", 2)] == [True, False]
        assert await table.put("k", 3) == 1
        assert [await table.compare_and_set("k", 1, 4), await table.compare_and_set("k", 3, 4)] == [False, True]
        assert [await table.get("k"), await table.get("x"), await table.get("x", "none")] == [4, None, "none"]
        for number in range(150):
            await table.put(f"n{number}", number)
        assert {key: value async for key, value in table.items()} == {"k": 4} | {f"n{n}": n for n in range(150)}

        members = d.set[int]("s")
        for number in range(20):
            await members.add(number)
        assert {member async for member in members.members()} == set(range(20))
        assert [await members.contains(3), await members.remove(3), await members.contains(3)] == [True, True, False]


async def test_the_system_has_barriers() -> None:
    async with ActorSystem() as system:
        assert await asyncio.gather(*(system.barrier("shutdown", 2) for _ in range(2))) == [1, 1]
        with pytest.raises(TimeoutError, match=r"fewer than 2 parties arrived within 0.05 s"):
            await system.barrier("shutdown", 2, timeout=0.05)


async def test_calls_at_once_are_linearizable(journal: Any) -> None:
    histories = {name: History() for name in ("counter", "map", "set", "queue")}
    async with ActorSystem() as system, asyncio.TaskGroup() as group:
        d = system.distributed(journal)
        counter, table, members, queue = d.counter("x"), d.map[str, int]("x"), d.set[int]("x"), d.queue[int]("x")

        async def caller(name: str, number: int) -> None:
            calls: list[tuple[str, tuple[Any, ...], Callable[[], Awaitable[object]]]] = [
                ("counter", ("increment", 1), counter.increment),
                ("map", ("put", "k", number), lambda: table.put("k", number)),
                ("set", ("add", number % 2), lambda: members.add(number % 2)),
                ("queue", ("enqueue", number), lambda: queue.enqueue(number)),
                ("counter", ("get_and_reset",), counter.get_and_reset),
                ("map", ("delete", "k"), lambda: table.delete("k")),
                ("set", ("remove", number % 2), lambda: members.remove(number % 2)),
                ("queue", ("dequeue",), queue.dequeue),
            ]
            for kind, call, start in calls:
                await histories[kind].record(name, call, start())

        callers = [group.create_task(caller(f"{number}", number)) for number in range(6)]
        await asyncio.wait(callers)
    check_linearizable(histories["counter"].operations, CounterModel())
    check_linearizable(histories["map"].operations, MapKeyModel())
    check_linearizable(histories["set"].operations, SetModel())
    check_linearizable(histories["queue"].operations, QueueModel())


async def test_a_journal_of_four_methods_keeps_a_structure() -> None:
    journal = HandJournal()
    async with ActorSystem() as system:
        lock = system.distributed(journal).lock("l")
        for _ in range(600):  # two events each: across a snapshot
            await lock.acquire()
            await lock.release()
        await lock.destroy()
    assert [snapshot.sequence_nr for snapshot in journal.snapshots] == [1_000, 1_201]
    async with ActorSystem() as system:
        assert (await system.distributed(journal).lock("l").acquire()).token == 601


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_persistent_structures_outlive_their_system(kind: str, tmp_path: Path) -> None:
    journal: Any = InMemoryJournal() if kind == "memory" else f"sqlite:///{tmp_path}/events.db"
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await d.counter("c").increment(7)
        await d.map[str, User]("m").put("a", User("A", "a@x"))
        await d.set[str]("s").add("x")
        await d.register[int]("r").set(3)
        await d.queue[str]("q").enqueue("later")
        held = await d.lock("l").acquire()
        await d.barrier("b").arrive(1)
    async with ActorSystem() as system:
        d = system.distributed(journal)
        assert await d.counter("c").get() == 7
        assert await d.map[str, User]("m").get("a") == User("A", "a@x")
        assert await d.set[str]("s").contains("x")
        assert await d.register[int]("r").get() == 3
        assert await d.queue[str]("q").dequeue() == "later"
        assert await d.lock("l").try_acquire() is False  # the lease of the process before has not ended
        assert await d.election("e").leader() is None
        assert await d.barrier("b").arrive(1) == 2
        assert held.token == 1


async def test_without_a_journal_they_end_with_their_system() -> None:
    async with ActorSystem() as system:
        await system.distributed().counter("c").increment()
    async with ActorSystem() as system:
        assert await system.distributed().counter("c").get() == 0


async def test_structures_of_one_name_in_memory_and_in_a_journal_are_two(tmp_path: Path) -> None:
    async with ActorSystem() as system:
        await system.distributed().counter("c").increment(1)
        await system.distributed(InMemoryJournal()).counter("c").increment(5)
        assert await system.distributed().counter("c").get() == 1


async def test_a_long_history_is_recovered_from_a_snapshot() -> None:
    journal = InMemoryJournal()
    async with ActorSystem() as system:
        counter = system.distributed(journal).counter("c", timeout=60.0)
        await asyncio.gather(*(counter.increment() for _ in range(2_500)))
    async with ActorSystem() as system:
        assert await system.distributed(journal).counter("c", timeout=60.0).get() == 2_500
    snapshot = await journal.load_snapshot("casty-distributed:counter:c")
    assert snapshot is not None
    assert snapshot.sequence_nr == 2_000
    events = await journal.load("casty-distributed:counter:c")
    assert [events[0].sequence_nr, events[-1].sequence_nr] == [2_001, 2_500]


async def test_keys_that_print_alike_are_others() -> None:
    async with ActorSystem() as system:
        table = system.distributed().map("m")
        for key in (1, "1", True, 1.0, b"1", (1,), None):
            await table.put(key, repr(key))
        assert sorted([value async for _, value in table.items()]) == sorted(
            ["1", "'1'", "True", "1.0", "b'1'", "(1,)", "None"]
        )


async def test_none_is_a_value_of_a_map() -> None:
    async with ActorSystem() as system:
        table = system.distributed().map[str, Any]("m")
        await table.put("k", None)
        assert await table.contains("k") is True
        assert await table.get("k", "absent") is None
        assert await table.get("x", "absent") == "absent"


async def test_values_are_copies() -> None:
    async with ActorSystem() as system:
        table = system.distributed().map[str, list[int]]("m")
        numbers = [1]
        await table.put("k", numbers)
        numbers.append(2)
        first = await table.get("k")
        assert first == [1]
        assert first is not None
        first.append(3)
        assert await table.get("k") == [1]


async def test_a_key_ends_on_the_clock_of_the_system() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        table = system.distributed().map[str, str]("sessions")
        await table.put("alice", "token", ttl=60.0)
        await clock.advance(59.9)
        assert await table.get("alice") == "token"
        await clock.advance(0.1)
        assert await table.get("alice") is None


async def test_a_watch_yields_the_value_and_its_changes(journal: Any) -> None:
    async with ActorSystem() as system:
        table = system.distributed(journal).map[str, int]("m")
        seen: list[int | None] = []
        watch = table.watch("k")
        async for value in watch:
            seen.append(value)
            match value:
                case None if len(seen) == 1:
                    await table.put("k", 1)
                case 1:
                    await table.put("k", 2)
                case 2:
                    await table.delete("k")
                case _:
                    break
        await watch.aclose()
        assert seen == [None, 1, 2, None]


async def test_a_queue_delivers_again_what_is_not_acknowledged() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        jobs = system.distributed().queue[str]("jobs", max_deliveries=2)
        await jobs.enqueue("job")
        first = await jobs.reserve(visibility=30.0)
        assert first is not None
        assert (first.value, first.attempt) == ("job", 1)
        waiting = asyncio.create_task(jobs.reserve(visibility=30.0, wait=60.0))
        await clock.advance(30.0)
        second = await waiting
        assert second is not None
        assert (second.value, second.attempt) == ("job", 2)
        assert await first.ack() is False
        assert await second.extend() is True
        assert await second.nack() is True
        assert [item async for item in jobs.dead_letters()] == ["job"]
        waiting = asyncio.create_task(jobs.reserve(wait=5.0))
        await clock.advance(10.0)
        assert await waiting is None
