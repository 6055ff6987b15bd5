"""Entities: one actor for each visitor of a shop, started by the first message and passivated when idle."""

import asyncio
from dataclasses import dataclass

from casty import ActorContext, ActorSystem, Behavior, Behaviors, InMemoryJournal, Request


@dataclass(frozen=True, slots=True)
class Add:
    article: str


@dataclass(frozen=True)
class GetBasket(Request[tuple[str, ...]]): ...


type Message = Add | GetBasket
type Basket = tuple[str, ...]

JOURNAL = InMemoryJournal()
EMPTY: Basket = ()


def session(visitor: str) -> Behavior[Message]:
    async def on_command(ctx: ActorContext[Message], basket: Basket, message: Message) -> Behavior[Message]:
        match message:
            case Add(article):
                return Behaviors.persisted([article])
            case GetBasket():
                message.reply_to.tell(basket)
                return Behaviors.same()

    async def welcome(ctx: ActorContext[Message], basket: Basket) -> None:
        print(f"{visitor} is back, with {len(basket)} articles" if basket else f"{visitor} is new")

    def added(basket: Basket, article: str) -> Basket:
        return (*basket, article)

    return Behaviors.event_sourced(
        entity_id=visitor,
        journal=JOURNAL,
        initial_state=EMPTY,
        on_event=added,
        on_command=on_command,
        on_recovery_completed=welcome,
    )


async def main() -> None:
    async with ActorSystem("shop") as system:
        # At most one session is active, so that the second visitor passivates the first one.
        sessions = system.spawn(Behaviors.sharded(session, limit=1), "sessions")
        for visitor, article in (("ada", "a lamp"), ("barbara", "a chair"), ("ada", "a table")):
            basket = sessions.entity(visitor)
            basket.tell(Add(article))
            print(visitor, "has", ", ".join(await basket.ask(GetBasket())))


if __name__ == "__main__":
    asyncio.run(main())
