"""What is stored of a durable class-based actor, and how it is read again."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, override

import pytest
from casty import (
    Actor,
    ActorFailedError,
    ActorSystem,
    Context,
    LocalRef,
    event,
    on,
    upcast,
)

from tests.core.objects.cart import Add, Cart, Crash, GetItems
from tests.core.objects.stores import on_disk


@dataclass
class Item:
    sku: str
    tags: set[str] = field(default_factory=set[str])


class Rich(Actor[Any]):
    __casty_exclude_fields__: ClassVar[Any] = {"scratch"}

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.seen: set[str] = set()
        self.others: list[LocalRef[Any]] = []
        self.scratch: Any = lambda: None
        self.cache: dict[str, Item] = {}
        """Shares the items, and is stored."""
        self._cache: dict[str, Item] = {}

    @cached_property
    def expensive(self) -> Any:
        return object()

    @on(Item)
    async def add(self, msg: Item, ctx: Context) -> None:
        self.items.append(msg)
        self.cache[msg.sku] = self._cache[msg.sku] = msg
        self.seen |= msg.tags
        _ = self.expensive

    @on(str)
    async def tag(self, msg: str, ctx: Context) -> None:
        self.cache["a"].tags.add(msg)

    @on(LocalRef)
    async def meet(self, msg: LocalRef[Any], ctx: Context) -> None:
        self.others.append(msg)

    async def receive(self, msg: Any, ctx: Context) -> None:
        await ctx.reply((self.items, self.seen, self.others, self.cache, self._cache))


async def test_references_sets_and_objects_that_a_cache_shares(tmp_path: Path) -> None:
    async with on_disk(tmp_path) as system:
        rich, cart = await system.actor(Rich, name="rich", durable=True), await system.actor(Cart, name="cart")
        await rich.send(Item("a", {"x", "y"}))
        await rich.send("through the cache")
        await rich.send(cart)
        items, _, _, cache, _ = await rich.ask(None)
        assert items[0] is cache["a"]
        await rich.send(Crash())
        items, _, _, cache, _ = await rich.ask(None)
        assert items == [cache["a"]] == [Item("a", {"x", "y", "through the cache"})]
    async with on_disk(tmp_path) as system:
        rich = await system.actor(Rich, name="rich", durable=True)
        items, seen, others, cache, private = await rich.ask(None)
        assert items == [cache["a"]] == [Item("a", {"x", "y", "through the cache"})]
        assert seen == {"x", "y"}
        assert private == {}
        assert [type(other) for other in others] == [LocalRef]
        assert others[0].address.path == "/cart"
        await rich.send("in one of them")
        items, _, _, cache, _ = await rich.ask(None)
        assert "in one of them" in cache["a"].tags
        assert items == [Item("a", {"x", "y", "through the cache"})], "they have one each after recovery"


async def test_a_state_that_cannot_be_stored_is_an_error_with_the_cure(system: ActorSystem) -> None:
    class Later(Cart):
        @on(str)
        async def spoil(self, msg: str, ctx: Context) -> None:
            self.items[msg] = lambda: None  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]

    with pytest.raises(ActorFailedError) as raised:
        await system.actor(Unpicklable, name="unstored", durable=True)
    cause = str(raised.value.__cause__)
    assert "the state of Unpicklable cannot be stored: cannot encode" in cause
    assert "handle" in cause
    assert "put it into __casty_exclude_fields__, or define get_state and set_state" in cause
    later: LocalRef[Any] = await system.actor(Later, name="later", durable=True)
    await later.send(Add("a"))
    with pytest.raises(ActorFailedError, match=r"the state of .*Later cannot be stored.*begin the attribute's name"):
        await later.ask("b")
    assert await later.ask(GetItems()) == {"a": 1.0}


class Unpicklable(Cart):
    def __init__(self) -> None:
        super().__init__()
        self.handle = object()


class Dated(Actor[Any]):
    """As in seed 004: a state of its own making."""

    def __init__(self) -> None:
        self.created_at = datetime(2026, 1, 1, tzinfo=UTC)
        self.count = 0

    @override
    def get_state(self) -> dict[str, Any]:
        return {"count": self.count, "created_at": self.created_at.isoformat()}

    @override
    def set_state(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        self.created_at = datetime.fromisoformat(state["created_at"])

    async def receive(self, msg: Any, ctx: Context) -> None:
        if msg is not None:
            self.created_at = msg
            self.count += 1
        await ctx.reply((self.count, self.created_at))


async def test_a_state_of_its_own_making(tmp_path: Path) -> None:
    newer = datetime(2026, 5, 1, tzinfo=UTC)
    async with on_disk(tmp_path) as system:
        assert await (await system.actor(Dated, name="dated", durable=True)).ask(newer) == (1, newer)
    async with on_disk(tmp_path) as system:
        assert await (await system.actor(Dated, name="dated", durable=True)).ask(None) == (1, newer)


OLDER = """
import asyncio, sys
from dataclasses import dataclass
from pathlib import Path
from casty import Actor, ActorSystem, CastyConfig, Context, event
from casty.config import JournalConfig

@event("objects.Balance")
@dataclass(frozen=True)
class Balance:
    euros: int

class Account(Actor[int]):
    def __init__(self):
        self.euros = 0

    def get_state(self):
        return Balance(self.euros)

    def set_state(self, state):
        self.euros = state.euros

    async def receive(self, msg, ctx: Context):
        self.euros += msg
        await ctx.reply(self.euros)

async def main():
    config = CastyConfig(journal=JournalConfig(url=f"sqlite:///{sys.argv[1]}/states.db"))
    async with ActorSystem(config=config) as system:
        print(await (await system.actor(Account, name="account", durable=True)).ask(5))

asyncio.run(main())
"""


@event("objects.Balance", version=2)
@dataclass(frozen=True)
class Balance:
    cents: int


@upcast("objects.Balance", 1)
def in_cents(stored: dict[str, Any]) -> dict[str, Any]:
    return {"cents": stored["euros"] * 100}


class Account(Actor[Any]):
    def __init__(self) -> None:
        self.cents = 0

    @override
    def get_state(self) -> Any:
        return Balance(self.cents)

    @override
    def set_state(self, state: Any) -> None:
        self.cents = state.cents

    async def receive(self, msg: Any, ctx: Context) -> None:
        self.cents += msg
        await ctx.reply(self.cents)


async def test_a_state_is_read_by_a_newer_version_of_its_class(tmp_path: Path) -> None:
    older = [sys.executable, "-c", OLDER, str(tmp_path)]
    run = await asyncio.to_thread(subprocess.run, older, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("5\n", "")
    async with on_disk(tmp_path) as system:
        assert await (await system.actor(Account, name="account", durable=True)).ask(1) == 501


async def test_a_stored_state_that_the_class_cannot_take_over_is_an_error_with_the_cure(tmp_path: Path) -> None:
    async with on_disk(tmp_path) as system:
        await (await system.actor(Account, name="account", durable=True)).ask(1)
    async with on_disk(tmp_path) as system:
        with pytest.raises(ActorFailedError) as raised:
            await system.actor(Cart, name="account", durable=True)
    assert "Cart (/account) could not take over its stored state, a Balance" in str(raised.value.__cause__)
    assert "define set_state for what earlier versions have stored" in str(raised.value.__cause__)


@dataclass(slots=True)
class Narrow(Actor[Any]):
    count: int = 0

    async def receive(self, msg: Any, ctx: Context) -> None:
        self.count += msg
        await ctx.reply(self.count)


@dataclass(frozen=True)
class Fixed(Actor[Any]):
    count: int = 0

    async def receive(self, msg: Any, ctx: Context) -> None:
        object.__setattr__(self, "count", self.count + msg)
        await ctx.reply(self.count)


class Computed(Actor[Any]):
    """A later version, in which the count is computed."""

    def __init__(self) -> None:
        self.steps = [5]

    @property
    def count(self) -> int:
        return sum(self.steps)

    async def receive(self, msg: Any, ctx: Context) -> None:
        self.steps.append(msg)
        await ctx.reply(self.count)


async def test_fields_come_back_in_slots_in_frozen_dataclasses_and_where_they_are_no_fields_any_more(
    tmp_path: Path,
) -> None:
    for expected, kind in ((1, Narrow), (2, Narrow), (3, Fixed), (4, Narrow), (6, Computed)):
        async with on_disk(tmp_path) as system:
            ref: LocalRef[Any] = await system.actor(kind, name="counter", durable=True)
            assert await ref.ask(1) == expected
