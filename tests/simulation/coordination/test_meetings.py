"""Parties that meet at a barrier again and again, whatever befalls the nodes: no round begins without one of them."""

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, override

from casty import CastyError
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster
from tests.simulation.coordination.structures import JOURNAL, PACE

SEEDS = 1
SECONDS = 60.0
PATIENCE: Final = 15.0
"""Virtual seconds for which a party waits for the others."""
LEAST = 5
"""Rounds, on average."""


@dataclass(slots=True)
class Arrival:
    invoked: float
    returned: float = float("inf")
    round: int | None = None
    """None: it has not learned of one, and may have been part of one all the same."""


class Meetings(BusyCluster):
    """A party on each node."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.arrivals: dict[str, list[Arrival]] = {name: [] for name in self.names}

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        yield self._meet(name, system)

    async def _meet(self, name: str, system: ClusteredActorSystem) -> None:
        barrier = system.distributed(JOURNAL).barrier("x", name, PATIENCE)
        while await self.goes_on(system, PACE):
            arrival = Arrival(self.sim.time())
            self.arrivals[name].append(arrival)
            try:
                arrival.round = await barrier.arrive(len(self.names))
                arrival.returned = self.sim.time()
            except (CastyError, TimeoutError):  # such as that of a party whose last process has arrived, and died
                continue

    def check(self) -> int:
        """Returns how many rounds there were."""
        rounds: dict[int, float] = {}
        """When the first party learned of each."""
        for name, arrivals in self.arrivals.items():
            numbers = [arrival.round for arrival in arrivals if arrival.round is not None]
            assert numbers == sorted(set(numbers)), f"{name} met in the rounds {numbers}"
            for arrival in arrivals:
                if arrival.round is not None:
                    rounds[arrival.round] = min(arrival.returned, rounds.get(arrival.round, float("inf")))
        for number, begun in rounds.items():
            for name, arrivals in self.arrivals.items():
                there = [a for a in arrivals if a.invoked < begun and a.round in (number, None)]
                assert there, f"round {number} began at {begun} without {name}"
        return len(rounds)


async def meet_while_all_befalls_the_nodes(sim: Simulation) -> int:
    meetings = Meetings(sim, 3)
    await meetings.begin()
    await meetings.outlive(SECONDS)
    before = meetings.check()
    await sim.eventually(lambda: meetings.check() > before, within=2 * PATIENCE)
    return meetings.check()


def test_no_round_begins_before_all_parties_have_arrived() -> None:
    rounds = [run.result for run in simulate_seeds(meet_while_all_befalls_the_nodes, SEEDS)]
    assert sum(rounds) > LEAST * len(rounds)
