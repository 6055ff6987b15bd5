"""State without variables: each message is answered with the behavior for the next one. `ask` waits for a reply."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors


@dataclass(frozen=True, slots=True)
class PayIn:
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PayOut:
    amount: Decimal
    reply_to: ActorRef[bool]


@dataclass(frozen=True, slots=True)
class Balance:
    reply_to: ActorRef[Decimal]


type Command = PayIn | PayOut | Balance


def account(balance: Decimal) -> Behavior[Command]:
    async def receive(ctx: ActorContext[Command], command: Command) -> Behavior[Command]:
        match command:
            case PayIn(amount):
                return account(balance + amount)
            case PayOut(amount, reply_to):
                covered = amount <= balance
                reply_to.tell(covered)
                return account(balance - amount) if covered else Behaviors.same()
            case Balance(reply_to):
                reply_to.tell(balance)
                return Behaviors.same()

    return Behaviors.receive(receive)


async def main() -> None:
    async with ActorSystem() as system:
        savings = system.spawn(account(Decimal("20.00")), "savings")
        savings.tell(PayIn(Decimal("22.50")))
        for amount in (Decimal("40.00"), Decimal("40.00")):
            paid: bool = await system.ask(savings, lambda reply_to, amount=amount: PayOut(amount, reply_to))
            print(f"{amount} {'paid' if paid else 'refused'}")
        print(f"{await system.ask(savings, Balance)} left")


if __name__ == "__main__":
    asyncio.run(main())
