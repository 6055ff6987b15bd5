"""Distributed structures beside Redis: operations per second of 30 callers, and how long one operation takes.

    uv run benchmarks/distributed.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

Structures on three nodes are used from one of these; each node runs a third of them. Redis is one server, as it is used
for such things, with `appendfsync always` where ours store each change. Copies are on all three nodes, two of which
have a change before its operation returns. The rows of Redis need `redis-server` on the PATH.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from statistics import quantiles
from typing import Any, Final

from casty import ActorSystem
from casty.cluster import ClusteredActorSystem
from casty.distributed import Distributed, DistributedLock, DistributedQueue, DistributedSemaphore, DistributedSet
from distributed_node import COPIES, NAME
from journal_postgres import dsn
from processes import other_process
from redis_raw import IN_MEMORY, ON_DISK, PROGRAM, Redis, redis
from table import Measurement, run_program

CALLERS: Final = 30
"""Each has a structure, or a key, of its own."""
LEAST: Final = 10
"""Calls of one work, however small the scale."""
VALUE: Final = "v" * 100
RELEASE: Final = b"if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

type Use = Callable[[], Awaitable[object]]
type Uses[D] = Callable[[D, int], Use]
"""What one of the callers does, again and again."""


@dataclass(frozen=True, slots=True)
class Work:
    """A use of a structure, and the commands that people give Redis for it."""

    name: str
    ours: Uses[Distributed]
    theirs: Uses[Redis]


def _add_and_remove(d: Distributed, number: int) -> Use:
    async def add_and_remove(members: DistributedSet[str]) -> None:
        await members.add(VALUE)
        await members.remove(VALUE)

    return partial(add_and_remove, d.set[str](f"set-{number}"))


def _pass_through(d: Distributed, number: int) -> Use:
    async def pass_through(queue: DistributedQueue[str]) -> None:
        await queue.enqueue(VALUE)
        await queue.dequeue()

    return partial(pass_through, d.queue[str](f"queue-{number}"))


def _hold(make: Callable[[Distributed, int], DistributedLock | DistributedSemaphore]) -> Uses[Distributed]:
    async def hold(held: DistributedLock | DistributedSemaphore) -> None:
        await held.acquire()
        await held.release()

    return lambda d, number: partial(hold, make(d, number))


def _redis(*commands: Sequence[str]) -> Uses[Redis]:
    """These commands one after the other; `#` stands for the caller's number."""

    def use(server: Redis, number: int) -> Use:
        encoded = [[word.replace("#", f"{number}").encode() for word in command] for command in commands]

        async def run() -> None:
            for command in encoded:
                await server.do(*command)

        return run

    return use


WORKS: Final = [
    Work("counter, increment", lambda d, n: d.counter(f"counter-{n}").increment, _redis(["INCR", "counter-#"])),
    Work(
        "map, put",
        lambda d, n: partial(d.map[str, str]("map").put, f"key-{n}", VALUE),
        _redis(["HSET", "map", "key-#", VALUE]),
    ),
    Work(
        "map, get",
        lambda d, n: partial(d.map[str, str]("map").get, f"key-{n}"),
        _redis(["HGET", "map", "key-#"]),
    ),
    Work("set, add and remove", _add_and_remove, _redis(["SADD", "set-#", VALUE], ["SREM", "set-#", VALUE])),
    Work("queue, in and out", _pass_through, _redis(["RPUSH", "queue-#", VALUE], ["LPOP", "queue-#"])),
    Work(
        "lock, acquire and release",
        _hold(lambda d, n: d.lock(f"lock-{n}")),
        _redis(["SET", "lock-#", "token", "NX", "PX", "15000"], ["EVAL", RELEASE.decode(), "1", "lock-#", "token"]),
    ),
    Work(
        "semaphore, acquire and release",
        _hold(lambda d, n: d.semaphore(f"semaphore-{n}", 2)),
        _redis(["ZADD", "semaphore-#", "15000", "token"], ["ZREM", "semaphore-#", "token"]),
    ),
    Work(
        "register, set",
        lambda d, n: partial(d.register[str](f"register-{n}").set, VALUE),
        _redis(["SET", "register-#", VALUE]),
    ),
    Work("register, get", lambda d, n: d.register[str](f"register-{n}").get, _redis(["GET", "register-#"])),
    Work(
        "barrier, arrive alone",
        lambda d, n: partial(d.barrier(f"barrier-{n}", "party").arrive, 1),
        _redis(["INCR", "barrier-#"]),
    ),
]
FIGURES: Final = {"": "/s", ", p50": "us", ", p99": "us"}


@asynccontextmanager
async def one_process(*, durable: bool) -> AsyncGenerator[Distributed]:
    with tempfile.TemporaryDirectory(prefix="casty-distributed-") as folder:
        async with ActorSystem() as system:
            yield system.distributed(f"sqlite:///{folder}/structures.db" if durable else None)


@asynccontextmanager
async def three_nodes(*, durable: bool) -> AsyncGenerator[Distributed]:
    journal = dsn() if durable else ""
    async with _nodes([journal] * 3, copied=False) as d:
        yield d


@asynccontextmanager
async def copied(*, durable: bool) -> AsyncGenerator[Distributed]:
    """On three nodes, each with a journal of its own."""
    with tempfile.TemporaryDirectory(prefix="casty-distributed-") as folder:
        journals = [f"sqlite:///{folder}/{number}.db" if durable else "" for number in range(3)]
        async with _nodes(journals, copied=True) as d:
            yield d


@asynccontextmanager
async def _nodes(journals: Sequence[str], *, copied: bool) -> AsyncGenerator[Distributed]:
    """One here, and the others in processes of their own."""
    first, *others = journals
    async with (
        ClusteredActorSystem(name=NAME, host="127.0.0.1", port=0) as system,
        AsyncExitStack() as stack,
    ):
        d = system.distributed(first or None, COPIES if copied else None)
        for journal in others:
            arguments = (journal, system.self_node.address.port, "copied" if copied else "")
            await stack.enter_async_context(other_process("distributed_node.py", *arguments))
        yield d


class Samples:
    """The figures of all works in one place, which are measured together, as it takes seconds to open one."""

    def __init__(self, measure: Callable[[], Coroutine[Any, Any, Mapping[str, float]]]) -> None:
        self._measure = measure
        self._figures: Mapping[str, float] = {}
        self._taken: set[str] = set()

    async def take(self, name: str) -> float:
        """A figure that was not taken before."""
        if name in self._taken or not self._figures:
            self._figures = await self._measure()
            self._taken.clear()
        self._taken.add(name)
        return self._figures[name]


async def figures[D](
    place: Callable[[], AbstractAsyncContextManager[D]], uses: Mapping[str, Uses[D]], count: int
) -> Mapping[str, float]:
    found: dict[str, float] = {}
    async with place() as opened:
        for name, use in uses.items():
            callers = [use(opened, number) for number in range(min(CALLERS, count // 2))]
            await asyncio.gather(*(caller() for caller in callers))  # the structures start
            found[name] = await _per_second(callers, count)
            took = await _latencies(callers, count // 5)
            found[f"{name}, p50"], found[f"{name}, p99"] = took[49], took[98]
    return found


async def _per_second(callers: Sequence[Use], count: int) -> float:
    async def repeat(use: Use) -> None:
        for _ in range(count // len(callers)):
            await use()

    start = time.perf_counter()
    await asyncio.gather(*map(repeat, callers))
    return count // len(callers) * len(callers) / (time.perf_counter() - start)


async def _latencies(callers: Sequence[Use], count: int) -> Sequence[float]:
    """Percentiles of the microseconds of one use after the other."""
    took: list[float] = []
    for use in islice(cycle(callers), count):
        start = time.perf_counter()
        await use()
        took.append((time.perf_counter() - start) * 1e6)
    return quantiles(took, n=100)


def rows(
    title: str, place: Callable[[], AbstractAsyncContextManager[Distributed]], settings: Sequence[str], count: int
) -> Sequence[Measurement]:
    """A place, and Redis with settings that keep as much."""
    count = max(count, LEAST)
    ours = Samples(partial(figures, place, {work.name: work.ours for work in WORKS}, count))
    theirs = Samples(partial(figures, partial(redis, settings), {work.name: work.theirs for work in WORKS}, count))
    return [
        Measurement(
            name=f"{title}: {work.name}{figure}",
            run=partial(ours.take, work.name + figure),
            floor=None if PROGRAM is None else partial(theirs.take, work.name + figure),
            unit=unit,
        )
        for work in WORKS
        for figure, unit in FIGURES.items()
    ]


def measurements(scale: float) -> Sequence[Measurement]:
    fast, slow = int(6_000 * scale), int(3_000 * scale)
    return [
        *rows("one process", partial(one_process, durable=False), IN_MEMORY, fast),
        *rows("SQLite", partial(one_process, durable=True), ON_DISK, slow),
        *rows("three nodes", partial(three_nodes, durable=False), IN_MEMORY, fast),
        *rows("PostgreSQL", partial(three_nodes, durable=True), ON_DISK, slow),
        *rows("copies in memory", partial(copied, durable=False), IN_MEMORY, slow),
        *rows("copies on SQLite", partial(copied, durable=True), ON_DISK, slow),
    ]


if __name__ == "__main__":
    run_program("Distributed structures beside Redis", measurements)
