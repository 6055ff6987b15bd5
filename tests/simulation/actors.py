"""Two hosts that use all that a local actor system has: one program, so that its runs can be compared.

python -m tests.simulation.actors 7      # the trace of seed 7
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass

from casty import (
    ActorContext,
    ActorRef,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    CastyError,
    OneForOneStrategy,
    Terminated,
)
from casty.testing.simulation import Simulation, plugin, simulate

from tests.simulation.bank import Deposit, account

WORDS = frozenset({"ask", "tell", "watch", "stash", "spawn", "stop", "restart", "escalate"})
"""A set of texts has another order in each process: an actor that lets it be seen is not deterministic."""


@dataclass(frozen=True)
class Work:
    word: str
    reply_to: ActorRef[str]


type Message = Work | Terminated | str


def worker() -> Behavior[Message]:
    """Answers, fails now and then, and starts again after a back-off of random length."""
    strategy = OneForOneStrategy(max_restarts=1_000, backoff=Backoff(initial=0.01, maximum=0.1))
    return Behaviors.supervise(Behaviors.receive(work), strategy)


async def work(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
    match message:
        case Work(word, reply_to):
            assert isinstance(ctx.system, ActorSystem)
            if ctx.system.kernel.random.random() < 0.1:
                raise ZeroDivisionError(word)
            await asyncio.sleep(0.001)
            reply_to.tell(word.upper())
        case Terminated():
            pass
        case str():
            ctx.timers.start(message, message, every=0.05)
    return Behaviors.same()


async def parent(ctx: ActorContext[Message]) -> Behavior[Message]:
    """Spawns a child for each word, watches it and sees to it that it ends."""

    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        match message:
            case str():
                child = ctx.spawn(worker())
                ctx.watch(child)
                child.tell(message)
                ctx.timers.start(message, Work(message, child), after=0.02)
            case Work(word, _):
                ctx.stop(ctx.children[0])
                ctx.log.debug("%s", word)
            case Terminated():
                pass
        return Behaviors.same()

    return Behaviors.receive(receive)


class Program:
    """What runs on one host, and what it leads to."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    async def main(self) -> None:
        async with ActorSystem(plugins=[plugin]) as system, asyncio.TaskGroup() as clients:
            workers = [system.spawn(worker(), f"worker-{number}") for number in range(3)]
            family = system.spawn(Behaviors.setup(parent), "family")
            savings = system.spawn(account("savings", "sim-disk://bank"), "savings")
            system.tick("beat", workers[0], "beat", interval=0.03)
            for number, target in enumerate(workers * 2):
                clients.create_task(self._ask(system, target, savings, number))
            for word in sorted(WORDS):
                family.tell(word)

    async def _ask(
        self, system: ActorSystem, target: ActorRef[Message], savings: ActorRef[Deposit], number: int
    ) -> None:
        for turn in range(20):
            for word in sorted(WORDS)[number::3]:
                with suppress(CastyError, TimeoutError):
                    self.answers.append(await system.ask(target, lambda to, w=word: Work(w, to), timeout=0.2))
            with suppress(CastyError, TimeoutError):
                await system.ask(savings, lambda to, n=100 * number + turn: Deposit(n, to), timeout=1.0)
            await asyncio.sleep(0.005)


async def scenario(sim: Simulation) -> tuple[str, ...]:
    """The answers that were given on both hosts."""
    programs = [Program(), Program()]
    for name, program in zip("ab", programs, strict=True):
        sim.host(name).start(program.main)
    await asyncio.sleep(0.15)
    sim.host("b").restart()
    await asyncio.sleep(0.2)
    return tuple(answer for program in programs for answer in program.answers)


if __name__ == "__main__":
    print(simulate(scenario, int(sys.argv[1])).trace)
