"""The actors that tests of whole systems use."""

from dataclasses import dataclass
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors


@dataclass(frozen=True)
class Who:
    """Who are you?"""

    reply_to: ActorRef[str]


@dataclass(frozen=True)
class Do:
    what: str


def answering(name: str) -> Behavior[Any]:
    """Answers `Who` with that name, counts in `Count`, and stops or raises when it is told to."""

    async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case Who(reply_to):
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
    """Answers `Who` with how often it has been asked."""

    def counted(times: int) -> Behavior[Any]:
        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            message.reply_to.tell(str(times + 1))
            return counted(times + 1)

        return Behaviors.receive(receive)

    return counted(0)
