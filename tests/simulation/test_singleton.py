"""What a singleton has acknowledged and received, while nodes leave, crash and are cut off."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError
from casty.member import MemberStatus
from casty.testing.simulation import Link, Settings, Simulation, nemesis, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.bank import Command, Deposit, Look, State, account
from tests.simulation.busy import BusyCluster

SEEDS = 2
PACE: Final = 0.3
OFTEN: Final = 0.05
"""Virtual seconds, on average, between two messages of a client."""
UNEVEN: Final = Settings(link=Link(jitter=0.02))
"""What is said later may well arrive earlier, on another lane or from another node."""
IN_TIME: Final = 5.0
"""Virtual seconds within which a message reaches a singleton that moves."""


class Treasury(BusyCluster):
    """The singleton is an account, and a client on each node deposits there."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.acknowledged: list[int] = []
        self._numbers = count()

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        treasury = system.spawn(Behaviors.singleton(lambda: account("treasury", "sim-database://bank")), "treasury")
        return [self._deposit(system, treasury)]

    async def _deposit(self, system: ClusteredActorSystem, treasury: ActorRef[Command]) -> None:
        while await self.goes_on(system, PACE):
            number = next(self._numbers)
            with suppress(CastyError, TimeoutError):
                deposited: int = await system.ask(
                    treasury, lambda reply_to, n=number: Deposit(n, reply_to), timeout=2.0
                )
                self.acknowledged.append(deposited)

    async def look(self) -> State:
        system = self.systems["n1"]
        treasury = system.lookup("/treasury")
        assert treasury is not None
        return await self.sim.host("n1").run(lambda: system.ask(treasury, Look))


def test_what_it_has_acknowledged_is_never_lost_and_never_done_twice() -> None:
    async def scenario(sim: Simulation) -> int:
        treasury = Treasury(sim, 3)
        await treasury.begin()
        await treasury.outlive(30.0)
        before = len(treasury.acknowledged)
        await sim.eventually(lambda: len(treasury.acknowledged) > before + 10)
        treasury.is_busy = False
        acknowledged = set(treasury.acknowledged)  # before the look, which those under way may follow
        stored = await treasury.look()
        assert sorted(acknowledged - set(stored)) == []
        assert len(set(stored)) == len(stored)
        return before

    acknowledged = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(acknowledged) > 10 * len(acknowledged)


@dataclass(frozen=True)
class Line:
    """A message for the singleton."""

    number: int


class Chronicle(BusyCluster):
    """The singleton notes what a client on each node tells it."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.noted: Counter[int] = Counter()
        self.told: list[tuple[float, ClusteredActorSystem]] = []
        """When and from where, for each number."""

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        chronicle = system.spawn(Behaviors.singleton(lambda: Behaviors.receive(self._note)), "chronicle")
        return [self._tell(system, chronicle)]

    async def _note(self, _: ActorContext[Line], line: Line) -> Behavior[Line]:
        self.noted[line.number] += 1
        return Behaviors.same()

    async def _tell(self, system: ClusteredActorSystem, chronicle: ActorRef[Line]) -> None:
        while await self.goes_on(system, OFTEN) and system not in self.left_at:
            # A node that leaves may never have heard of one that is not up yet.
            if system.self_node.status is MemberStatus.up:
                chronicle.tell(Line(len(self.told)))
                self.told.append((self.sim.time(), system))

    def all_was_noted_once(self) -> None:
        """But for what a node has told a moment before it left: that may have waited there."""
        for number, (at, system) in enumerate(self.told):
            if at + IN_TIME < self.left_at.get(system, self.sim.time()):
                assert self.noted[number] == 1, f"{number}, told at {at}, was noted {self.noted[number]} times"


def test_no_message_is_lost_or_doubled_where_nodes_leave_in_order() -> None:
    async def scenario(sim: Simulation) -> int:
        chronicle = Chronicle(sim, 3)
        await chronicle.begin()
        await nemesis(sim, [chronicle.departure], seconds=30.0, lasting=(0.01, 5.0), between=(0.0, 2.0))
        await chronicle.recover()
        chronicle.is_busy = False
        await asyncio.sleep(IN_TIME)
        chronicle.all_was_noted_once()
        return len(chronicle.left_at)

    departures = [run.result for run in simulate_seeds(scenario, SEEDS, settings=UNEVEN)]
    assert sum(departures) > 5 * len(departures)
