"""What type checkers have to know of class-based actors, and have to refuse: mypy and basedpyright both read this file.

An `ignore` that nothing needs is an error to both, so that a mistake which is no longer refused is found as well.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from dataclasses import dataclass
from typing import Any, assert_type

from casty import (
    Actor,
    ActorSystem,
    CombinedRef,
    Context,
    LocalRef,
    MultiChildStrategy,
    Request,
    SupervisionStrategy,
    SupervisorConfig,
    on,
    supervised,
)


@dataclass(frozen=True)
class Add:
    price: float


@dataclass(frozen=True)
class Remove:
    sku: str


@dataclass(frozen=True)
class GetTotal(Request[float]):
    """A message whose reply has a type."""


@dataclass(frozen=True)
class GetName(Request[str]):
    """Another one, which the actors below do not handle."""


class Cart(Actor[Add | GetTotal]):
    def __init__(self, owner: str, limit: int = 3) -> None:
        self.owner = owner
        self.total = 0.0

    async def receive(self, msg: Add | GetTotal, ctx: Context) -> None:
        match msg:
            case Add(price):
                self.total += price
            case GetTotal():
                await ctx.reply(self.total)


@supervised(strategy=SupervisionStrategy.RESTART, max_restarts=5, multi_child=MultiChildStrategy.ONE_FOR_ALL)
class Log(Actor[Remove | Add]):
    @on(Remove)
    async def handle_remove(self, msg: Remove, ctx: Context) -> None:
        child = await ctx.actor(Cart, name="cart", owner="alice")
        assert_type(child, LocalRef[Add | GetTotal])
        await ctx.actor(Cart, name="cart")  # type: ignore[call-arg]
        ctx.become(self.closed)

    @on(Remove | Add)
    async def handle_both(self, msg: Remove | Add, ctx: Context) -> None:
        await ctx.stop_child(ctx.self_ref)

    @on(Add)  # type: ignore[arg-type]
    async def handle_add(self, msg: Remove, ctx: Context) -> None:
        """It handles another class of messages than it says."""

    async def closed(self, msg: object, ctx: Context) -> None:
        ctx.unbecome()


class Store[T](Actor[list[T] | GetTotal]):
    def __init__(self, first: T) -> None:
        self.first = first


async def creation(system: ActorSystem) -> None:
    assert_type(await system.actor(Cart, name="cart", owner="alice"), LocalRef[Add | GetTotal])
    await system.actor(Cart, name="cart", owner="alice", limit=4, durable=True, supervision=SupervisorConfig())
    await system.actor(Log)
    assert_type(await system.actor(Store[int], name="store", first=1), LocalRef[list[int] | GetTotal])


async def wrong_creation(system: ActorSystem) -> None:
    await system.actor(Cart, name="cart")  # type: ignore[call-arg]
    await system.actor(Cart, name="cart", owner=4)  # type: ignore[arg-type]
    await system.actor(Cart, name="cart", owner="alice", lmit=4)  # type: ignore[call-arg]
    await system.actor(Cart, name=1, owner="alice")  # type: ignore[arg-type]
    await system.actor(Add, price=1.0)  # type: ignore[arg-type]


async def messages(cart: LocalRef[Add | GetTotal], log: LocalRef[Remove]) -> None:
    await cart.send(Add(1.0))
    assert_type(await cart.ask(GetTotal()), float)
    assert_type(await cart.ask(GetTotal(), timeout=1.0), float)
    assert_type(await cart.ask(Add(1.0)), Any)
    both = cart | log
    assert_type(both, CombinedRef[Add | GetTotal | Remove])
    await both.send(Remove("a"))
    assert_type(await both.ask(GetTotal()), float)


async def wrong_messages(cart: LocalRef[Add | GetTotal], log: LocalRef[Remove]) -> None:
    await cart.send(Remove("a"))  # type: ignore[arg-type]
    await cart.ask(Remove("a"))  # type: ignore[call-overload]
    await cart.ask(GetName())  # type: ignore[arg-type]
    total = await cart.ask(GetTotal())
    text: str = total  # type: ignore[assignment]
    await (cart | log).send(text)  # type: ignore[arg-type]
    supervised(strategy="restart")  # type: ignore[arg-type]
