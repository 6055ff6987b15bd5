"""A parent spawns children, hands out work, and is notified when each of them has stopped, and why."""

import asyncio
import logging
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, Terminated


@dataclass(frozen=True, slots=True)
class Inspect:
    rooms: tuple[str, ...]
    reply_to: ActorRef[tuple[str, ...]]


async def inspect(ctx: ActorContext[str], room: str) -> Behavior[str]:
    if room == "cellar":
        raise RuntimeError("the cellar is flooded")
    return Behaviors.stopped()


type Message = Inspect | Terminated


def hotel() -> Behavior[Message]:
    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        if not isinstance(message, Inspect):
            return Behaviors.unhandled()
        for room in message.rooms:
            inspector = ctx.spawn(Behaviors.receive(inspect), f"inspector-of-{room}")
            ctx.watch(inspector)
            inspector.tell(room)
        return waiting(message, ())

    return Behaviors.receive(receive)


def waiting(job: Inspect, findings: tuple[str, ...]) -> Behavior[Message]:
    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        if not isinstance(message, Terminated):
            return Behaviors.unhandled()
        finding = f"{message.ref.address.path}: {message.reason or 'all is well'}"
        if len(findings) + 1 < len(job.rooms):
            return waiting(job, (*findings, finding))
        job.reply_to.tell((*findings, finding))
        return hotel()

    return Behaviors.receive(receive)


async def main() -> None:
    logging.getLogger("casty").setLevel(logging.CRITICAL)  # the failure is intended
    async with ActorSystem() as system:
        manager = system.spawn(hotel(), "hotel")
        rooms = ("attic", "kitchen", "cellar")
        findings: tuple[str, ...] = await system.ask(manager, lambda reply_to: Inspect(rooms, reply_to))
        print(*sorted(findings), sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
