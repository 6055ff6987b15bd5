"""State without mutable variables: a handler returns the behavior for the next message. `ask` waits for a reply,
whose type the `Request` names.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from casty import ActorContext, ActorSystem, Behavior, Behaviors, Request


@dataclass(frozen=True, slots=True)
class PayIn:
    amount: Decimal


@dataclass(frozen=True)
class PayOut(Request[bool]):
    amount: Decimal


@dataclass(frozen=True)
class Balance(Request[Decimal]):
    """Ask for the balance."""


type Command = PayIn | PayOut | Balance


def account(balance: Decimal) -> Behavior[Command]:
    async def receive(ctx: ActorContext[Command], command: Command) -> Behavior[Command]:
        match command:
            case PayIn(amount):
                return account(balance + amount)
            case PayOut(amount, reply_to=reply_to):
                covered = amount <= balance
                reply_to.tell(covered)
                return account(balance - amount) if covered else Behaviors.same()
            case Balance(reply_to=reply_to):
                reply_to.tell(balance)
                return Behaviors.same()

    return Behaviors.receive(receive)


async def main() -> None:
    async with ActorSystem() as system:
        savings = system.spawn(account(Decimal("20.00")), "savings")
        savings.tell(PayIn(Decimal("22.50")))
        for amount in (Decimal("40.00"), Decimal("40.00")):
            paid = await savings.ask(PayOut(amount))
            print(f"{amount} {'paid' if paid else 'refused'}")
        print(f"{await savings.ask(Balance())} left")


if __name__ == "__main__":
    asyncio.run(main())
