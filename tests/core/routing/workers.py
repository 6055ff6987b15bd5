"""Actors for routers: they tell their names, keep a record, fail and stop on demand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, Request


class Boom(Exception):
    """A failure that a test wants."""


@dataclass(frozen=True)
class GetPath(Request[str]):
    """Answered with the path of the actor."""

    key: str = ""


@dataclass(frozen=True)
class Fail:
    """Raise `Boom`."""


@dataclass(frozen=True)
class Stop:
    """Stop by its own wish."""


@dataclass(frozen=True)
class Hold(Request[None]):
    """Reply, and handle nothing more until the event is set."""

    until: asyncio.Event = field(kw_only=True)


def failing(reply_to: ActorRef[None]) -> Fail:
    """For an ask whose routee fails."""
    return Fail()


type Message = str | GetPath | Fail | Stop | Hold


@dataclass(eq=False)
class Workers:
    """A factory of workers, and what all of them have handled."""

    seen: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Texts, each with the path of the actor that handled it."""
    made: int = 0
    wrap: Callable[[Behavior[Message]], Behavior[Message]] = lambda behavior: behavior

    def __call__(self) -> Behavior[Message]:
        self.made += 1
        return self.wrap(Behaviors.receive(self._receive))

    async def _receive(self, ctx: ActorContext[Any], message: Message) -> Behavior[Any]:
        match message:
            case GetPath():
                message.reply_to.tell(ctx.self.address.path)
            case Fail():
                raise Boom
            case Stop():
                return Behaviors.stopped()
            case Hold():
                message.reply_to.tell(None)
                await message.until.wait()
            case text:
                self.seen.append((ctx.self.address.path, text))
        return Behaviors.same()

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.seen]
