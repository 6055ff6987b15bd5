"""The actors that tests of whole systems use."""

from dataclasses import dataclass
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors


@dataclass(frozen=True)
class Identify:
    """A question for the name of the actor."""

    reply_to: ActorRef[str]


@dataclass(frozen=True)
class Do:
    what: str


def answering(name: str) -> Behavior[Any]:
    """Replies to `Identify` with that name, and stops or raises when `Do` asks for it."""

    async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case Identify(reply_to):
                reply_to.tell(name)
            case Do("raise"):
                raise ValueError(f"{name} is broken")
            case Do("stop"):
                return Behaviors.stopped()
            case _:
                return Behaviors.unhandled()
        return Behaviors.same()

    return Behaviors.receive(receive)


def counting() -> Behavior[Any]:
    """Replies to `Identify` with the number of questions so far."""

    def counted(times: int) -> Behavior[Any]:
        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            message.reply_to.tell(str(times + 1))
            return counted(times + 1)

        return Behaviors.receive(receive)

    return counted(0)
