"""Timers send an actor messages: each has a key, a new one replaces one with its key, and all end with the actor."""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors


@dataclass(frozen=True, slots=True)
class Cook:
    eggs: int
    reply_to: ActorRef[str]


@dataclass(frozen=True, slots=True)
class Tick: ...


type Message = Cook | Tick


def kitchen() -> Behavior[Message]:
    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        if not isinstance(message, Cook):
            return Behaviors.unhandled()
        ctx.timers.start("egg", Tick(), every=0.01)
        return cooking(message.eggs, 0, message.reply_to)

    return Behaviors.receive(receive)


def cooking(eggs: int, done: int, reply_to: ActorRef[str]) -> Behavior[Message]:
    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        match message:
            case Cook():
                ctx.stash(message)  # for later: there is only one pot
                return Behaviors.same()
            case Tick() if done + 1 < eggs:
                return cooking(eggs, done + 1, reply_to)
            case Tick():
                reply_to.tell(f"{eggs} eggs are ready")
                ctx.timers.cancel("egg")
                ctx.unstash_all()
                return kitchen()

    return Behaviors.receive(receive)


async def main() -> None:
    async with ActorSystem() as system:
        cook = system.spawn(kitchen(), "cook")

        async def order(eggs: int) -> str:
            return await system.ask(cook, lambda reply_to: Cook(eggs, reply_to))

        print(*await asyncio.gather(order(3), order(2)), sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
