"""A state machine is a set of behaviors that return each other: a parcel's state decides which messages it handles."""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors


@dataclass(frozen=True, slots=True)
class Ship:
    carrier: str


@dataclass(frozen=True, slots=True)
class Deliver: ...


@dataclass(frozen=True, slots=True)
class Where:
    reply_to: ActorRef[str]


type Event = Ship | Deliver | Where


def packed() -> Behavior[Event]:
    async def receive(ctx: ActorContext[Event], event: Event) -> Behavior[Event]:
        match event:
            case Ship(carrier):
                return travelling(carrier)
            case Deliver():
                return Behaviors.unhandled()  # published as an UnhandledMessage: the parcel was never sent
            case Where(reply_to):
                reply_to.tell("in the warehouse")
                return Behaviors.same()

    return Behaviors.receive(receive)


def travelling(carrier: str) -> Behavior[Event]:
    async def receive(ctx: ActorContext[Event], event: Event) -> Behavior[Event]:
        match event:
            case Ship(other):
                return travelling(other)
            case Deliver():
                return Behaviors.stopped()  # the final state
            case Where(reply_to):
                reply_to.tell(f"with {carrier}")
                return Behaviors.same()

    return Behaviors.receive(receive)


async def main() -> None:
    async with ActorSystem() as system:
        parcel = system.spawn(packed(), "parcel")
        for event in (Deliver(), Ship("the railway"), Ship("a bicycle")):
            parcel.tell(event)
            print(f"{event}: {await system.ask(parcel, Where)}")


if __name__ == "__main__":
    asyncio.run(main())
