"""A queue of jobs for any number of worker processes: what `jobs.py` shows.

Jobs wait in a distributed queue. A worker reserves one, does it, records its result, and acknowledges it. If the worker
dies, the job is delivered to another one; if it fails, it is delivered again later. So a job may be worked on more than
once, but only its first result is recorded.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from casty import CastyError, message
from casty.distributed import Delivery, Distributed

VISIBILITY = 5.0
"""Seconds after which a job is delivered again if its worker has died; a living worker extends them."""
ATTEMPTS = 5
BACKOFF = 0.2
"""Seconds until the second attempt; twice as many until each further one."""
OVERDUE = 30
"""Scheduled jobs that are made up for after an interruption; older ones are left out."""
UNREACHABLE = (CastyError, TimeoutError)
"""The structure did not reply in time: the operation may have happened or not."""


@message("jobs.Job")
@dataclass(frozen=True, slots=True)
class Job:
    id: str
    """A job that is submitted twice under one id has one result."""
    kind: str
    argument: int


@message("jobs.Result")
@dataclass(frozen=True, slots=True)
class Result:
    value: int
    worker: str
    attempt: int


type Report = Callable[[int], Awaitable[None]]
"""Notes how much of a job is done, in percent."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of a kind are done: from their argument, where an earlier attempt was, and a way to report progress."""

    work: Callable[[int, int, Report], Awaitable[int]]
    at_a_time: int | None = None
    """The number of jobs of this kind that run at a time, on all nodes together."""


class JobQueue:
    """What is shared by all nodes and clients."""

    def __init__(self, d: Distributed) -> None:
        self.waiting = d.queue[Job]("jobs", max_deliveries=ATTEMPTS)
        self.results = d.map[str, Result]("results", shards=10)
        self.progress = d.map[str, int]("progress", shards=10)
        self.recorded = d.counter("recorded")
        """Counts the results that were recorded, each as often as that happened: once."""

    async def submit(self, job: Job, *, delay: float = 0.0) -> None:
        """Enqueue a job, however long it takes to reach the queue."""
        while True:
            try:
                return await self.waiting.enqueue(job, delay=delay)
            except UNREACHABLE:
                pass  # it may be enqueued twice now, and will have one result


class Worker:
    """Does one job after the other."""

    def __init__(self, name: str, d: Distributed, kinds: Mapping[str, Kind]) -> None:
        self.done = 0
        """Results that this worker has recorded."""
        self.working: dict[str, int] = {}
        """The job that it works on, and how much of that is done, in percent."""
        self._name = name
        self._queue = JobQueue(d)
        self._kinds = kinds
        self._limits = {
            name: d.semaphore(f"jobs of {name}", kind.at_a_time)
            for name, kind in kinds.items()
            if kind.at_a_time is not None
        }

    async def run(self) -> None:
        """Work until this is cancelled."""
        while True:
            with suppress(*UNREACHABLE):  # then the job is delivered again
                delivery = await self._queue.waiting.reserve(visibility=VISIBILITY, wait=10.0)
                if delivery is not None:
                    async with asyncio.TaskGroup() as group:
                        extending = group.create_task(_extend(delivery))
                        await self._handle(delivery)
                        extending.cancel()

    async def _handle(self, delivery: Delivery[Job]) -> None:
        job = delivery.value
        if not await self._queue.results.contains(job.id):
            try:
                value = await self._work(job)
            except ValueError:  # the job has failed, not a structure
                await delivery.nack(delay=BACKOFF * 2 ** (delivery.attempt - 1))
                return
            result = Result(value, self._name, delivery.attempt)
            if await self._queue.results.put_if_absent(job.id, result):
                self.done += 1
                await self._queue.recorded.increment()
        await delivery.ack()

    async def _work(self, job: Job) -> int:
        async def report(percent: int) -> None:
            self.working[job.id] = percent
            await self._queue.progress.put(job.id, percent)

        kind = self._kinds[job.kind]
        reached = self.working[job.id] = await self._queue.progress.get(job.id, 0)
        try:
            async with self._limits.get(job.kind) or nullcontext():
                return await kind.work(job.argument, reached, report)
        finally:
            self.working.clear()


async def _extend(delivery: Delivery[Job]) -> None:
    """Keep a job reserved for as long as it takes."""
    while True:
        await asyncio.sleep(VISIBILITY / 3)
        with suppress(*UNREACHABLE):
            await delivery.extend()


class Scheduler:
    """Submits a job every so many seconds, on one node at a time: the elected leader.

    The number of the last one is stored after it is submitted. So a new leader, or one after a restart of everything,
    continues where the last one was: it submits what is overdue, and maybe the last one again, which has the same id.
    """

    def __init__(self, name: str, d: Distributed, kind: str, every: float) -> None:
        self.leads = False
        self._kind = kind
        self._every = every
        self._queue = JobQueue(d)
        self._election = d.election(f"schedule of {kind}", candidate=name, ttl=5.0, cancel_on_lost=True)
        self._last = d.register[int](f"schedule of {kind}")

    async def run(self) -> None:
        """Submit jobs while this node leads, until this is cancelled."""
        while True:
            with suppress(*UNREACHABLE):  # a leadership that is lost too
                async with self._election:
                    self.leads = True
                    await self._submit_all()
            self.leads = False

    async def _submit_all(self) -> None:
        """Submit jobs until another node has submitted one, which has been elected without this one's knowledge."""
        last = await self._last.get()
        while True:
            due = int(time.time() // self._every)
            number = due if last is None else max(last + 1, due - OVERDUE)
            await asyncio.sleep(number * self._every - time.time())
            await self._queue.submit(Job(f"{self._kind}-{number}", self._kind, number))
            if not await self._last.compare_and_set(last, number):
                return
            last = number
