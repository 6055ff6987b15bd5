"""The actor that most of these tests use."""

from dataclasses import dataclass, field
from typing import Any

from casty import Actor, Context, Request


@dataclass(frozen=True)
class Add:
    sku: str
    price: float = 1.0


@dataclass(frozen=True)
class AddGift(Add):
    """Handled like its base, unless there is something for it."""


@dataclass(frozen=True)
class GetItems:
    """Asks for the items."""


@dataclass(frozen=True)
class GetTotal(Request[float]):
    """The same as a message whose reply has a type."""


@dataclass(frozen=True)
class Crash:
    error: BaseException = field(default_factory=lambda: RuntimeError("crash"))


type Message = Add | GetItems | GetTotal | Crash


class Cart(Actor[Message]):
    """Notes what is done to it in `story`, which outlives its instances."""

    def __init__(self, story: list[Any] | None = None) -> None:
        self.items: dict[str, float] = {}
        self._story: list[Any] = [] if story is None else story

    async def on_start(self) -> None:
        self._story.append("start")

    async def on_stop(self) -> None:
        self._story.append("stop")

    async def pre_restart(self, exc: BaseException, msg: Message | None) -> None:
        self._story.append(("pre_restart", str(exc), msg, dict(self.items)))

    async def post_restart(self, exc: BaseException) -> None:
        self._story.append(("post_restart", str(exc), dict(self.items)))

    async def receive(self, msg: Message, ctx: Context) -> None:
        match msg:
            case Add(sku, price):
                self.items[sku] = price
            case GetItems():
                await ctx.reply(self.items)
            case GetTotal():
                await ctx.reply(sum(self.items.values()))
            case Crash(error):
                raise error
