"""Supervision: a strategy decides whether a failed actor restarts, resumes or stops, and how often."""

import asyncio
import logging
from dataclasses import dataclass

from casty import ActorContext, ActorSystem, Behavior, Behaviors, Directive, OneForOneStrategy, Request
from casty.errors import ActorFailedError


@dataclass(frozen=True)
class Divide(Request[str]):
    by: int | str


def calculator(done: int = 0) -> Behavior[Divide]:
    async def receive(ctx: ActorContext[Divide], message: Divide) -> Behavior[Divide]:
        quotient = 60 // int(message.by)
        message.reply_to.tell(f"60 / {message.by} = {quotient}, number {done + 1} since the start")
        return calculator(done + 1)

    return Behaviors.receive(receive)


def decide(error: BaseException) -> Directive:
    match error:
        case ValueError():
            return Directive.resume  # the message was bad, not the actor
        case _:
            return Directive.restart


async def main() -> None:
    logging.getLogger("casty").setLevel(logging.CRITICAL)  # the failures below are intended
    strategy = OneForOneStrategy(max_restarts=2, within=60.0, decider=decide)
    async with ActorSystem() as system:
        supervised = system.spawn(Behaviors.supervise(calculator(), strategy), "calculator")
        for divisor in (4, 5, "six", 10, 0, 12):
            try:
                print(await supervised.ask(Divide(divisor)))
            except ActorFailedError as error:
                print(f"60 / {divisor} failed: {type(error.__cause__).__name__}")


if __name__ == "__main__":
    asyncio.run(main())
