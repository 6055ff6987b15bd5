"""The smallest actor: a doorman that greets. Messages are handled one at a time, in the order of their arrival."""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorSystem, Behavior, Behaviors, Request


@dataclass(frozen=True)
class Arrive(Request[str]):
    guest: str


async def greet(ctx: ActorContext[Arrive], message: Arrive) -> Behavior[Arrive]:
    message.reply_to.tell(f"Welcome, {message.guest}!")
    return Behaviors.same()


async def main() -> None:
    async with ActorSystem() as system:
        doorman = system.spawn(Behaviors.receive(greet), "doorman")
        for guest in ("Ada", "Barbara"):
            print(await doorman.ask(Arrive(guest)))


if __name__ == "__main__":
    asyncio.run(main())
