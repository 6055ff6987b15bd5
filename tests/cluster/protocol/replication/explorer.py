"""Random traces of shards and their copies, reproduced by a scenario and a seed.

`python -m tests.cluster.protocol.replication.explorer 7000` explores that many seeds of each scenario, about 100,000
traces; `... explorer show wipe3 17` prints the trace of one seed.
"""

from collections.abc import Iterator
from random import Random
from unittest.mock import patch

from casty_cluster.protocol.replication import follower, promotion, reports
from casty_cluster.wire.replication import CopyId

from tests.cluster.protocol.exploring import explore_by_command
from tests.cluster.protocol.replication.scenarios import SCENARIOS
from tests.cluster.protocol.replication.settling import settle
from tests.cluster.protocol.replication.world import Step, World


class Weather:
    """Which nodes are out of reach, or stand still, for a while. What is held back on its way arrives late or never."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._changes = random.choice((0.01, 0.02, 0.04))
        self._promotes = random.choice((0.5, 0.8, 1.0))
        self._appends = random.choice((0.2, 0.1, 0.04))
        self._losses = random.choice((0.0, 0.5, 1.0))
        self._faults = random.choice((0.0, 0.01, 0.05))
        self._away: set[CopyId] = set()
        self._still: set[int] = set()

    def next(self) -> list[Step]:
        """What may be next: one of these steps."""
        world, random = self._world, self._random
        if random.random() < self._changes:
            return self._change()
        if random.random() < self._faults:
            faults = list(world.faults())
            kind = random.choice(sorted({fault[0] for fault in faults}) or [""])
            return [fault for fault in faults if fault[0] == kind]
        if random.random() < self._appends:
            moves = ("move",) if "move" in world.budget else ()
            kind = random.choice(("append", "append", "append", "save", "read", *moves))
            return [step for step in world.requests() if step[0] == kind and step[1] not in self._still]
        return [step for step in world.steps() if self._happens(step)] or [*self._timers()] or self._change()

    def _change(self) -> list[Step]:
        """Other nodes are away from now on, and often one of the rest becomes the primary."""
        nodes = self._world.nodes
        for index in reversed(range(len(self._world.network))):
            if not self._happens(("deliver", index)) and self._random.random() < self._losses:
                self._world.lose(index)
        count = self._random.choice((0, 1, 1, len(nodes) // 2, self._random.randrange(len(nodes))))
        away = self._random.sample(nodes, count)
        self._away = {node.copy for node in away}
        self._still = {node.index for node in away if self._random.random() < 0.3}
        if self._random.random() > self._promotes:
            return []
        return [step for step in self._world.requests() if step[0] == "promote" and self._is_near(step[1])]

    def _is_near(self, index: int) -> bool:
        return self._world.nodes[index].copy not in self._away

    def _happens(self, step: Step) -> bool:
        match step:
            case ("deliver", int(index)):
                sender, to, _ = self._world.network[index]
                return sender not in self._away and to not in self._away
            case (_, int(index)):
                return index not in self._still
            case _:
                return True

    def _timers(self) -> Iterator[Step]:
        if self._world.budget.get("tick"):
            yield from (("tick", node.index) for node in self._world.ticking if node.index not in self._still)


def trace(name: str, seed: int) -> Iterator[tuple[Step, World]]:
    """Yield each step before it happens. Raises AssertionError where an invariant is broken."""
    random = Random(f"{name} {seed}")
    world = World(SCENARIOS[name])
    weather = Weather(world, random)
    for _ in range(random.choice((300, 500, 800))):
        if steps := weather.next():
            step = _detailed(random.choice(steps), world, random)
            yield step, world
            world.apply(step)
    yield from settle(world, random)


def _detailed(step: Step, world: World, random: Random) -> Step:
    """How many changes a disk has stored when it fails, and which copies a new view has."""
    match step:
        case ("crash" | "fail", int(index)):
            return (*step, random.randrange(len(world.nodes[index].queue) + 1))
        case ("save", _, _):
            return (*step, random.choice((0, 0, 1, 2)))
        case ("promote", int(index)):
            scenario = world.scenario
            others = [other for other in range(len(world.nodes)) if other != index]
            is_new = scenario.spares and random.random() < 0.6
            copies = tuple(random.sample(others, scenario.replicas)) if is_new else None
            min_acks = random.choice((scenario.min_acks, *scenario.other_min_acks))
            return (*step, copies, False, min_acks, random.random() < 0.2)
        case _:
            return step


def explore(name: str, seed: int) -> int:
    """Run one trace to its end, and return the number of its steps."""
    # Each report has as many parts as entities, and each comparison as many steps.
    with patch.object(reports, "PART", 1), patch.object(follower, "SLICE", 1), patch.object(promotion, "SLICE", 1):
        return sum(1 for _ in trace(name, seed))


if __name__ == "__main__":
    explore_by_command(explore, trace, list(SCENARIOS), __doc__)
