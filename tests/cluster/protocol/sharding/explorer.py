"""Random traces of whole clusters, reproduced by a scenario and a seed.

`python -m tests.cluster.protocol.sharding.explorer 3000` explores that many seeds of each scenario, about 100,000
traces; `... explorer show conflict 17` prints the trace of one seed.
"""

from collections.abc import Iterator
from random import Random
from unittest.mock import patch

from casty_cluster.protocol.sharding import region

from tests.cluster.protocol.exploring import explore_by_command
from tests.cluster.protocol.sharding.scenarios import SCENARIOS
from tests.cluster.protocol.sharding.world import Step, World

MAX_STEPS = 3_000
HASTES = (1.0, 1.0, 1.0, 0.2, 0.03)
"""How readily steps of one lane, node or entity happen: some are slow in each trace, and not always the same."""


class Haste:
    """How soon each kind of step happens; drawn once for each trace, and sometimes again."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._drawn: dict[Step, float] = {}
        self._sends = random.choice((1.0, 0.3, 0.08))
        self._shifts = random.choice((0.0, 0.005, 0.02))
        self._flushes = random.choice((1.0, 0.05))

    def pick(self, steps: list[Step]) -> Step:
        if self._random.random() < self._shifts:
            self._drawn.clear()
        while True:
            step = self._random.choice(steps)
            if len(steps) == 1 or self._random.random() < self._haste(step):
                return step

    def _haste(self, step: Step) -> float:
        key = step[:3]
        haste = self._drawn.get(key)
        if haste is None:
            haste = self._drawn[key] = self._draw(key)
        return haste

    def _draw(self, key: Step) -> float:
        scenario = self._world.scenario
        if any(key[: len(slow)] == slow for slow in scenario.slow):
            return scenario.reluctance
        match key[0]:
            case "send":
                return self._sends
            case "time":
                return scenario.flushes * self._flushes
            case "out" | "down":
                return 0.1 * self._random.choice(HASTES)
            case "handle" | "claim" if scenario.reluctant:
                return self._random.choice((1.0, 0.01))
            case _:
                return self._random.choice(HASTES)


def trace(name: str, seed: int) -> Iterator[tuple[Step, World]]:
    """Yield each step before it happens. Raises AssertionError where an invariant is broken."""
    random = Random(f"{name} {seed}")
    world = World(SCENARIOS[name], random)
    haste = Haste(world, random)
    fault_rate = random.choice((0.01, 0.03, 0.08))
    for _ in range(MAX_STEPS):
        steps = list(world.faults()) if random.random() < fault_rate else []
        is_at_rest = False
        if not steps:
            steps = list(world.steps())
            if steps:
                steps += world.delays()
            elif not (steps := world.last_resort()):
                is_at_rest = True
                steps = list(world.faults())  # what is left of the budget happens at the end
        if not steps or (is_at_rest and random.random() < 0.3):
            world.check_end()
            return
        step = haste.pick(steps)
        yield step, world
        world.apply(step)
    raise AssertionError(f"S4: no end after {MAX_STEPS} steps")


def explore(name: str, seed: int) -> int:
    """Run one trace to its end, and return the number of its steps."""
    with patch.object(region, "CHUNK", 1):  # each report has as many chunks as shards
        return sum(1 for _ in trace(name, seed))


if __name__ == "__main__":
    explore_by_command(explore, trace, list(SCENARIOS), __doc__)
