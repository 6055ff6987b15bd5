"""Settings that differ between environments are in a file: here, the capacity of a mailbox."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, DeadLetter, load_config


@dataclass(frozen=True, slots=True)
class Tip:
    text: str


@dataclass(frozen=True, slots=True)
class Notes:
    reply_to: ActorRef[tuple[str, ...]]


def reporter(notes: tuple[str, ...] = ()) -> Behavior[Tip | Notes]:
    async def receive(ctx: ActorContext[Tip | Notes], message: Tip | Notes) -> Behavior[Tip | Notes]:
        match message:
            case Tip(text):
                return reporter((*notes, text))
            case Notes(reply_to):
                reply_to.tell(notes)
                return Behaviors.same()

    return Behaviors.receive(receive)


async def main() -> None:
    logging.getLogger("casty").setLevel(logging.ERROR)  # a dead letter is a warning, and printed below
    config = load_config(Path(__file__).with_name("config.toml"))
    async with ActorSystem(config=config) as system:
        system.event_stream.subscribe(DeadLetter, lambda letter: print(f"dropped: {letter.message}"))
        sports = system.spawn(reporter(), "reporter-of-sports")
        for text in ("a record", "a transfer", "a foul"):
            sports.tell(Tip(text))
        await asyncio.sleep(0)  # until then all messages are queued
        print(f"{system.name}: {await system.ask(sports, Notes)}")


if __name__ == "__main__":
    asyncio.run(main())
