"""100,000 sensors as entities of three processes: one process is killed, another one joins, and a table shows it live.

    uv run examples/sensors.py [--sensors 100000] [--seconds 40]

Every sensor is an actor that keeps its own statistics. The processes spread the sensors among them, and each reads some
at random all the time. One is killed with SIGKILL: the others run its sensors after a few seconds. Then a new
process joins and takes over its share while all sensors are being read.
"""

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from casty import ActorContext, Behavior, Behaviors, CastyError, Request
from casty.cluster import ClusteredActorSystem
from casty.sharding import RegionState
from processes import HOST, Show, free_ports, shown

NAMES = ("ada", "barbara", "clara", "dora")
"""Three nodes that start, and one that joins later."""
FIRST = 3
BATCH = 200
"""Readings that are in flight at a time."""
PAUSE = 0.1
"""Seconds between two batches: 2,000 readings a second on each node leave time for the rest of your machine."""
SHARDS = 60


@dataclass(frozen=True)
class Measure(Request[float]):
    """A new temperature. The reply is the sensor's mean so far."""

    celsius: float


def sensor(total: float = 0.0, number: int = 0) -> Behavior[Measure]:
    # The state is lost with its process. With Behaviors.event_sourced, each sensor would go on where it was.
    async def receive(ctx: ActorContext[Measure], message: Measure) -> Behavior[Measure]:
        message.reply_to.tell((total + message.celsius) / (number + 1))
        return sensor(total + message.celsius, number + 1)

    return Behaviors.receive(receive)


class Readings:
    """Reads sensors without end, and counts what comes of it."""

    def __init__(self, read: Callable[[int], Coroutine[Any, Any, float]]) -> None:
        self._read = read
        self.done = self.failed = 0
        self.filled = False
        """Whether each sensor of this node's share has been read once."""

    async def run(self, own: Sequence[int], all_sensors: int) -> None:
        numbers = iter(own)
        while batch := list(islice(numbers, BATCH)):
            await self._read_all(batch)
        self.filled = True
        while True:
            await self._read_all(random.randrange(all_sensors) for _ in range(BATCH))
            await asyncio.sleep(PAUSE)

    async def _read_all(self, numbers: Iterable[int]) -> None:
        for outcome in await asyncio.gather(*map(self._read, numbers), return_exceptions=True):
            if isinstance(outcome, CastyError | TimeoutError):
                self.failed += 1  # the process is gone that it was sent to: whether the sensor has got it is unknown
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self.done += 1


async def run_node(name: str, sensors: int, ports: Sequence[int]) -> None:
    """Run one node: it reads sensors until it is terminated, and prints what it knows to standard output."""
    logging.basicConfig(level=logging.ERROR)  # else every reading that is lost with a process would be logged here
    index = NAMES.index(name)
    seeds = [(HOST, port) for port in ports]
    async with ClusteredActorSystem(
        name="sensors", host=HOST, port=ports[index], seed_nodes=seeds, node_id=name, required_quorum=FIRST
    ) as system:
        region = system.spawn(Behaviors.sharded(lambda _: sensor(), num_shards=SHARDS), "sensors")

        async def read(number: int) -> float:
            return await region.entity(f"sensor-{number}").ask(Measure(random.gauss(20.0, 5.0)), timeout=30.0)

        readings = Readings(read)
        own = range(index, sensors, FIRST) if index < FIRST else range(0)
        reading = asyncio.create_task(readings.run(own, sensors))
        try:
            while not reading.done():
                if system.get_cluster_state() is not None:  # it is a member
                    state = await system.shard_state(region)
                    if state.coordinator == system.self_node.node:
                        await system.rebalance(region, timeout=30.0)  # else a round begins every ten seconds
                    print(json.dumps(report(system, state, readings)), flush=True)
                await asyncio.sleep(0.5)
            reading.result()
        finally:
            reading.cancel()


def report(system: ClusteredActorSystem, state: RegionState, readings: Readings) -> dict[str, Any]:
    """What this node runs and has read, and whether it sees each shard run."""
    own = state.on(system.self_node.node)
    return {
        "members": sorted(member.node_id for member in system.members),
        "shards": len(own),
        "sensors": sum(shard.entities or 0 for shard in own),
        "all run": state.is_complete and len(state.shards) == SHARDS and not state.moving,
        "filled": readings.filled,
        "done": readings.done,
        "failed": readings.failed,
    }


async def play(show: Show, sensors: int, names: Sequence[str] = NAMES) -> None:
    show.patience = 300.0  # to start 100,000 sensors takes a busy machine a minute or two
    ports = sorted(free_ports(len(names)))
    victim, newcomer = names[1], names[-1]
    nodes = show.nodes
    for name in names[:FIRST]:
        await show.start(name, sensors, *ports)

    def settled(*among: str) -> bool:
        """Whether these nodes see each other and no further node, and each shard runs, in even parts."""
        said = [nodes[name].said for name in among]
        even = [SHARDS // len(among)] * len(among)
        return all(one.get("members") == sorted(among) and one["all run"] for one in said) and even == [
            one["shards"] for one in said
        ]

    await show.until(
        lambda: settled(*names[:FIRST]) and all(nodes[name].said["filled"] for name in names[:FIRST]),
        f"three processes run {sensors} sensors",
    )
    nodes[victim].send(signal.SIGKILL)
    show.report(f"{victim} is killed, with {nodes[victim].said['sensors']} sensors")
    survivors = [name for name in names[:FIRST] if name != victim]
    await show.until(lambda: settled(*survivors), "the others run its sensors")
    failed = sum(nodes[name].said["failed"] for name in survivors)
    show.report(f"{failed} readings were under way to it")
    await show.start(newcomer, sensors, *ports)
    await show.until(
        lambda: settled(*survivors, newcomer), f"{newcomer} has joined, and taken over a third of the shards"
    )
    lost = sum(nodes[name].said["failed"] for name in (*survivors, newcomer)) - failed
    show.report(f"{lost} readings failed meanwhile")


async def main(sensors: int, seconds: float | None) -> None:
    columns = ("shards", "sensors", "readings", "failed", "members in its view")
    async with shown(
        __file__,
        columns,
        row=lambda said: (
            [f"{said[key]:,}" for key in ("shards", "sensors", "done", "failed")] + [", ".join(said["members"])]
        ),
        news=lambda said: f"runs {said['shards']} shards, and sees {', '.join(said['members']) or 'no members yet'}",
    ) as show:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await play(show, sensors)
                if seconds is not None:
                    await asyncio.Event().wait()
        except TimeoutError:
            if not limit.expired():
                raise  # a step of the story has taken too long
        await show.terminate_all()


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in NAMES:
        asyncio.run(run_node(sys.argv[1], int(sys.argv[2]), [int(port) for port in sys.argv[3:]]))
        sys.exit()
    parser = argparse.ArgumentParser(description="Sensors as entities of three processes")
    parser.add_argument("--sensors", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, help="end after so many seconds, and not when the story is over")
    options = parser.parse_args()
    try:
        asyncio.run(main(options.sensors, options.seconds))
    except KeyboardInterrupt:  # Ctrl-C reaches this program only; it ends the processes
        sys.exit(130)
