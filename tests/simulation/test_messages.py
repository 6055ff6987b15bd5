"""Asks and tells between nodes, through all that may befall a cluster. `CASTY_SIM_SEEDS=1000` runs more."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster

SEEDS = 3
TIMEOUTS: Final = (0.1, 0.5, 3.0)
LATE: Final = 0.1
"""Virtual seconds after its timeout at which an ask has ended."""
PACE: Final = 0.3
"""Virtual seconds, on average, between two messages of one node to another."""
SLOW: Final = 0.02
"""Virtual seconds that some answers take."""


@dataclass(frozen=True)
class Question:
    """Asked for its number."""

    number: int
    wait: float
    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Line:
    """What a speaker tells a listener."""

    speaker: int
    number: int


type Message = Question | Line


class TalkingCluster(BusyCluster):
    """All nodes ask all others, and speak to them."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.outcomes: Counter[str] = Counter()
        self._numbers = count()
        self._paused: set[str] = set()
        self._stood_still: dict[str, float] = {}
        """When a host was seen paused last."""
        sim.invariant(self.pauses_are_noted)

    def pauses_are_noted(self) -> None:
        paused = {host.name for host in self.sim.hosts if host.is_paused}
        self._stood_still.update(dict.fromkeys(paused | self._paused, self.sim.time()))
        self._paused = paused

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        system.spawn(self._listener(name), "listener")
        others = [other for other in self.names if other != name]
        return [work for other in others for work in (self._ask(name, system, other), self._speak(system, other))]

    def _listener(self, name: str) -> Behavior[Message]:
        last: dict[int, int] = {}

        async def receive(_: ActorContext[Message], message: Message) -> Behavior[Message]:
            match message:
                case Question(number, wait, reply_to):
                    await asyncio.sleep(wait)
                    reply_to.tell(number)
                case Line(speaker, number):
                    self.outcomes["heard"] += 1
                    if number <= last.get(speaker, -1):
                        self.wrong.append(f"{name} heard {number} of {speaker} after {last[speaker]}")
                    last[speaker] = number
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _at(self, system: ClusteredActorSystem, other: str) -> ActorRef[Message] | None:
        member = next((member for member in system.members if member.node.host == other), None)
        return None if member is None else system.lookup("/listener", node=member.node)

    async def _ask(self, name: str, system: ClusteredActorSystem, other: str) -> None:
        random = self.sim.random
        while await self.goes_on(system, PACE):
            ref = self._at(system, other)
            if ref is not None:
                question, timeout = (next(self._numbers), random.choice([0.0, SLOW])), random.choice(TIMEOUTS)
                began = self.sim.time()
                self.outcomes[await self._asked(system, ref, question, timeout)] += 1
                took = self.sim.time() - began
                if took > timeout + LATE and self._stood_still.get(name, -1.0) < began:
                    self.wrong.append(f"an ask of {name} with a timeout of {timeout} s took {took:.3f} s")

    async def _asked(
        self, system: ClusteredActorSystem, ref: ActorRef[Message], question: tuple[int, float], timeout: float
    ) -> str:
        try:
            answer: int = await system.ask(ref, lambda reply_to: Question(*question, reply_to), timeout=timeout)
        except TimeoutError:
            return "timed out"
        except CastyError:
            return "failed"
        if answer != question[0]:
            self.wrong.append(f"{question[0]} was asked and {answer} is the answer")
        return "answered"

    async def _speak(self, system: ClusteredActorSystem, other: str) -> None:
        speaker = next(self._numbers)
        while await self.goes_on(system, PACE):
            ref = self._at(system, other)
            for _ in range(self.sim.random.randint(1, 5)):
                if ref is not None:
                    ref.tell(Line(speaker, next(self._numbers)))


def test_asks_end_in_time_with_their_own_answer_and_messages_stay_in_order() -> None:
    async def scenario(sim: Simulation) -> Counter[str]:
        cluster = TalkingCluster(sim, 3)
        await cluster.begin()
        await cluster.outlive(30.0)
        # Connections are made anew, and asks of before that end.
        await asyncio.sleep(2 * max(TIMEOUTS))
        before = cluster.outcomes.copy()
        await asyncio.sleep(10.0)
        lately = cluster.outcomes - before
        assert lately["answered"] > 50
        assert lately.keys() == {"answered", "heard"}, "all is well again"
        return cluster.outcomes

    outcomes = sum((run.result for run in simulate_seeds(scenario, SEEDS)), Counter[str]())
    assert min(outcomes[each] for each in ("answered", "heard", "failed", "timed out")) > 0
