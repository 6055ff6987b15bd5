"""A simulation: a bank loses power again and again, and loses no acknowledged booking.

python examples/simulation.py                      # 20 runs
CASTY_SIM_SEEDS=1000 python examples/simulation.py
"""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors
from casty.testing.simulation import Simulation, plugin, simulate_seeds


@dataclass(frozen=True, slots=True)
class PayIn:
    amount: int
    reply_to: ActorRef[int]


@dataclass(frozen=True, slots=True)
class PaidIn:
    amount: int


async def on_command(ctx: ActorContext[PayIn], balance: int, command: PayIn) -> Behavior[PayIn]:
    return Behaviors.persisted([PaidIn(command.amount)], reply=(command.reply_to, balance + command.amount))


def on_event(balance: int, event: PaidIn) -> int:
    return balance + event.amount


ACCOUNT: Behavior[PayIn] = Behaviors.event_sourced(
    entity_id="savings",
    initial_state=0,
    on_event=on_event,
    on_command=on_command,
    journal="sim-disk://bank",
)


async def scenario(sim: Simulation) -> int:
    acknowledged = 0

    async def bank() -> None:
        nonlocal acknowledged
        async with ActorSystem(plugins=[plugin]) as system:
            savings = system.spawn(ACCOUNT, "savings")
            while True:
                balance: int = await system.ask(savings, lambda reply_to: PayIn(1, reply_to))
                assert balance > acknowledged, f"{acknowledged} was acknowledged, and only {balance} is there"
                acknowledged = balance

    host = sim.host("bank")
    host.start(bank)
    for _ in range(5):
        await asyncio.sleep(sim.random.uniform(0.01, 0.2))
        host.crash(silent=True)
        host.restart()
    await asyncio.sleep(0.1)
    return acknowledged


if __name__ == "__main__":
    runs = simulate_seeds(scenario, 20)
    print(f"{len(runs)} banks lost power 5 times each, and no acknowledged booking")
    print("all runs differ" if len({run.trace for run in runs}) == len(runs) else "some runs were the same")
