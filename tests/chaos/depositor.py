"""A bank that deposits until it is killed, and prints the number of every deposit that its account has acknowledged.

python -m tests.chaos.depositor JOURNAL FIRST_NUMBER
"""

import asyncio
import sys
from dataclasses import dataclass
from itertools import count

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors
from casty.journal import SqliteJournal
from casty.serialization import message

ACCOUNTS = 7
TELLERS = 50


@message("chaos.Deposited")
@dataclass(frozen=True, slots=True)
class Deposited:
    number: int


@dataclass(frozen=True, slots=True)
class Deposit:
    number: int
    reply_to: ActorRef[int]


def on_event(total: int, event: Deposited) -> int:
    return total + 1


async def on_command(ctx: ActorContext[Deposit], total: int, command: Deposit) -> Behavior[Deposit]:
    # Before the event is even handed over. It must not get out before that is stored.
    command.reply_to.tell(command.number)
    return Behaviors.persisted([Deposited(command.number)])


def account(name: str, journal: SqliteJournal) -> Behavior[Deposit]:
    return Behaviors.event_sourced(
        entity_id=name, journal=journal, initial_state=0, on_event=on_event, on_command=on_command
    )


async def main(path: str, first: int) -> None:
    journal = SqliteJournal(path)
    numbers = count(first)
    async with ActorSystem() as system:
        accounts = [system.spawn(account(f"account-{n}", journal), f"account-{n}") for n in range(ACCOUNTS)]

        async def teller() -> None:
            for number in numbers:
                target = accounts[number % ACCOUNTS]
                acknowledged: int = await system.ask(target, lambda reply_to, number=number: Deposit(number, reply_to))
                print(acknowledged, flush=True)

        await asyncio.gather(*(teller() for _ in range(TELLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
