"""A shopping cart as a class: it expires, survives crashes and restarts of the program, and asks a child for prices.

    python shopping_cart.py [--journal sqlite:///carts.db]

Run it twice with the same journal: the cart is still there.
"""

import argparse
import logging
from dataclasses import dataclass
from typing import ClassVar

import casty
from casty import Actor, ActorSystem, CastyConfig, Context, LocalRef, Request, SupervisionStrategy, on, supervised
from casty.config import JournalConfig


@dataclass(frozen=True)
class GetPrice(Request[float | None]):
    sku: str


@dataclass(frozen=True)
class AddItem(Request[str]):
    sku: str


@dataclass(frozen=True)
class GetTotal(Request[float]): ...


@dataclass(frozen=True)
class Checkout(Request[float]): ...


@dataclass(frozen=True)
class Expire: ...


class PriceList(Actor[GetPrice]):
    PRICES: ClassVar[dict[str, float]] = {"apples": 3.0, "pears": 4.5, "plums": 2.5}

    async def receive(self, msg: GetPrice, ctx: Context) -> None:
        await ctx.reply(self.PRICES.get(msg.sku))


@supervised(strategy=SupervisionStrategy.RESTART, max_restarts=3, within_seconds=60.0)
class ShoppingCart(Actor[AddItem | GetTotal | Checkout | Expire]):
    def __init__(self, owner: str, expires_after: float = 1800.0) -> None:
        self.owner = owner
        self.items: dict[str, float] = {}
        self._expires_after = expires_after
        self._expiry: str | None = None
        self._prices: LocalRef[GetPrice] | None = None

    async def on_start(self) -> None:
        self._prices = await self._ctx.actor(PriceList, name="prices")

    @on(AddItem)
    async def add(self, msg: AddItem, ctx: Context) -> None:
        assert self._prices is not None
        price = await self._prices.ask(GetPrice(msg.sku))
        if price is None:
            raise LookupError(f"there are no {msg.sku}")
        self.items[msg.sku] = price
        if self._expiry is not None:
            await ctx.cancel_schedule(self._expiry)
        self._expiry = await ctx.schedule(self._expires_after, Expire())
        await ctx.reply(f"{msg.sku} for {price:.2f}")

    @on(GetTotal)
    async def total(self, msg: GetTotal, ctx: Context) -> None:
        await ctx.reply(sum(self.items.values()))

    @on(Checkout)
    async def check_out(self, msg: Checkout, ctx: Context) -> None:
        await ctx.reply(sum(self.items.values()))
        ctx.become(self.closed)

    @on(Expire)
    async def expire(self, msg: Expire, ctx: Context) -> None:
        self.items.clear()

    async def closed(self, msg: object, ctx: Context) -> None:
        match msg:
            case AddItem():
                await ctx.reply("the cart is closed")
            case _:
                await ctx.reply(sum(self.items.values()))


async def main(journal: str) -> None:
    logging.getLogger("casty").setLevel(logging.CRITICAL)  # the failure below is intended
    config = CastyConfig(journal=JournalConfig(url=journal))
    async with ActorSystem(config=config) as system:
        cart = await system.actor(ShoppingCart, name="cart-alice", durable=True, owner="alice")
        print(f"The cart holds {await cart.ask(GetTotal()):.2f}")
        for sku in ("apples", "pears", "gold"):
            try:
                print(await cart.ask(AddItem(sku)))
            except casty.ActorFailedError as failed:
                print(failed.__cause__)
        print(f"Paid {await cart.ask(Checkout()):.2f}")
        print(await cart.ask(AddItem("plums")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", default="memory://", help="URL of the journal that has the carts")
    casty.run(main(parser.parse_args().journal))
