"""One node of a cluster with a durable class-based actor, as a process; see `tests.chaos.cluster.node`.

python -m tests.chaos.objects.node SETTINGS
"""

import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from functools import partial

from casty import Actor, CastyConfig, CastyError, Context, LocalRef, Request, on
from casty.cluster import ClusteredActorSystem, ClusterScope
from casty.config import JournalConfig

from tests.chaos.cluster.node import LOG_FORMAT, Node, main

PATIENCE = 5.0
AGAIN = 0.1
"""Seconds after which a booking of unknown outcome is sent again."""


@dataclass(frozen=True)
class Book(Request[int]):
    """Replies with the total. A booking that was made before counts once."""

    booking: str
    amount: int


@dataclass(frozen=True)
class Total(Request[tuple[int, int]]):
    """Replies with the total, and the process that the actor runs in."""


class Account(Actor[Book | Total]):
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.booked: dict[str, int] = {}

    @on(Book)
    async def book(self, msg: Book, ctx: Context) -> None:
        self.booked.setdefault(msg.booking, msg.amount)
        await ctx.reply(sum(self.booked.values()))

    @on(Total)
    async def total(self, msg: Total, ctx: Context) -> None:
        await ctx.reply((sum(self.booked.values()), os.getpid()))


class AccountNode(Node):
    """The commands of the process; each method is one. `copies` of an account's state are kept, if there are any."""

    def __init__(self, system: ClusteredActorSystem, copies: int) -> None:
        super().__init__(system)
        self._scope = ClusterScope(replication=copies)

    async def book(self, name: str, booking: str, amount: int) -> int:
        """Send a booking until there is a reply; return the number of attempts."""
        attempts = 1
        while True:
            try:
                await (await self._account(name)).ask(Book(booking, amount), timeout=PATIENCE)
            except (CastyError, TimeoutError):
                attempts += 1
                await asyncio.sleep(AGAIN)
            else:
                return attempts

    async def total(self, name: str) -> tuple[int, int]:
        while True:
            try:
                return await (await self._account(name)).ask(Total(), timeout=PATIENCE)
            except (CastyError, TimeoutError):
                await asyncio.sleep(AGAIN)

    async def _account(self, name: str) -> LocalRef[Book | Total]:
        return await self._system.actor(Account, name=name, scope=self._scope, durable=True, owner=name)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    settings = json.loads(sys.argv[1])
    url = settings.pop("journal").format(**settings)
    settings["config"] = CastyConfig(journal=JournalConfig(url=url))
    asyncio.run(main(settings, partial(AccountNode, copies=settings.pop("copies", 1))))
