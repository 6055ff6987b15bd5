"""The smallest actor: a doorman who greets. Messages are handled one at a time, in the order of their arrival."""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors


@dataclass(frozen=True, slots=True)
class Arrive:
    guest: str
    reply_to: ActorRef[str]


async def greet(ctx: ActorContext[Arrive], message: Arrive) -> Behavior[Arrive]:
    message.reply_to.tell(f"Welcome, {message.guest}!")
    return Behaviors.same()


async def main() -> None:
    async with ActorSystem() as system:
        doorman = system.spawn(Behaviors.receive(greet), "doorman")
        for guest in ("Ada", "Barbara"):
            print(await system.ask(doorman, lambda reply_to, guest=guest: Arrive(guest, reply_to)))


if __name__ == "__main__":
    asyncio.run(main())
