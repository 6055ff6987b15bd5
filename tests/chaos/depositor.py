"""A bank that deposits until it is killed, and says on its standard output what has become of each deposit.

python -m tests.chaos.depositor JOURNAL_URL FIRST_NUMBER ACCOUNTS
"""

import asyncio
import sys
from dataclasses import dataclass
from itertools import count

from casty import ActorContext, ActorRef, ActorRestarted, ActorSystem, Behavior, Behaviors
from casty.errors import CastyError
from casty.serialization import message

TELLERS = 50
PATIENCE = 2.0
"""Seconds that a teller waits for an acknowledgement."""
PAUSE = 0.01
"""Seconds that a teller rests after a refusal."""


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


def account(name: str, journal: str) -> Behavior[Deposit]:
    return Behaviors.event_sourced(
        entity_id=name, journal=journal, initial_state=0, on_event=on_event, on_command=on_command
    )


def say(*words: object) -> None:
    print(*words, flush=True)


async def main(journal: str, first: int, accounts: int) -> None:
    numbers = count(first)
    async with ActorSystem() as system:
        system.event_stream.subscribe(
            ActorRestarted, lambda event: say("restarted", event.ref.address.path, type(event.exception).__name__)
        )
        refs = [system.spawn(account(f"account-{n}", journal), f"account-{n}") for n in range(accounts)]

        async def teller() -> None:
            for number in numbers:
                target = refs[number % accounts]
                try:
                    await system.ask(target, lambda reply_to, number=number: Deposit(number, reply_to), PATIENCE)
                except (TimeoutError, CastyError) as error:
                    # Whether it is stored is unknown, so its number is never used again.
                    say("refused", number, type(error).__name__)
                    await asyncio.sleep(PAUSE)
                else:
                    say("acknowledged", number)

        await asyncio.gather(*(teller() for _ in range(TELLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
