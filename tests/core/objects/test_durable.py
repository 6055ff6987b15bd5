"""Durable class-based actors: their state is stored after each message that has changed it, and comes back."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from casty import (
    Actor,
    ActorFailedError,
    Context,
    JournalUnavailableError,
    LocalRef,
    on,
)
from casty.errors import JournalError, JournalSetupError
from casty.objects.refs import ClusterRef
from casty.objects.scope import Scope
from casty.testing import settle

from tests.core.objects.cart import Add, Cart, Crash, GetItems, GetTotal
from tests.core.objects.stores import Steered, on_disk, system_over


@pytest.fixture
def store() -> Steered:
    return Steered()


async def test_a_restart_brings_the_last_stored_state_back(store: Steered) -> None:
    story: list[Any] = []

    class Clumsy(Cart):
        @on(str)
        async def crash(self, msg: str, ctx: Context) -> None:
            self.items[msg] = 1.0
            raise RuntimeError(msg)

    async with system_over(store) as system:
        cart: LocalRef[Any] = await system.actor(Clumsy, name="cart", durable=True, story=story)
        await cart.send(Add("a"))
        await cart.send("half")
        assert await cart.ask(GetItems()) == {"a": 1.0}
        assert story == [
            "start",
            ("pre_restart", "half", "half", {"a": 1.0, "half": 1.0}),
            "start",
            ("post_restart", "half", {"a": 1.0}),
        ]


async def test_a_state_is_stored_only_when_it_has_changed(store: Steered) -> None:
    async with system_over(store) as system:
        cart = await system.actor(Cart, name="cart", durable=True)
        assert await cart.ask(GetItems()) == {}
        assert store.stored == 0
        await cart.send(Add("a"))
        await cart.send(Add("a"))
        assert await cart.ask(GetTotal()) == 1.0
        assert store.stored == 1
        await cart.send(Add("a", 2.0))
        assert await cart.ask(GetTotal()) == 2.0
        assert store.stored == 2


async def test_a_reply_follows_when_the_state_is_stored(store: Steered) -> None:
    class Booking(Cart):
        @on(Add)
        async def add(self, msg: Add, ctx: Context) -> None:
            self.items[msg.sku] = msg.price
            await ctx.reply("booked")

    async with system_over(store) as system:
        cart = await system.actor(Booking, name="cart", durable=True)
        store.gate.clear()
        asked = asyncio.ensure_future(cart.ask(Add("a")))
        await store.started.wait()
        await settle()
        assert not asked.done()
        store.gate.set()
        assert await asked == "booked"


async def test_a_reply_never_follows_where_the_state_cannot_be_stored(store: Steered) -> None:
    class Booking(Cart):
        @on(Add)
        async def add(self, msg: Add, ctx: Context) -> None:
            self.items[msg.sku] = msg.price
            await ctx.reply("booked")

    async with system_over(store) as system:
        cart = await system.actor(Booking, name="cart", durable=True)
        store.away = JournalUnavailableError("the disk is full")
        with pytest.raises(JournalUnavailableError):
            await cart.ask(Add("a"))
        store.away = None
        assert await until_it_answers(cart, GetItems()) == {}


async def until_it_answers(ref: LocalRef[Any], message: object) -> Any:
    while True:
        try:
            return await ref.ask(message)
        except JournalUnavailableError:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("scope", ["local", "cluster"])
@pytest.mark.parametrize("away", [JournalUnavailableError, JournalError])
async def test_while_its_journal_is_away_a_durable_actor_exists_and_its_asks_fail_at_once(
    store: Steered, scope: Scope, away: type[JournalError]
) -> None:
    store.away = away("the server cannot be reached")
    async with system_over(store) as system:
        cart = await asyncio.wait_for(system.actor(Cart, name="cart", durable=True, scope=scope), timeout=20)
        assert await system.actor(Cart, name="cart", durable=True, scope=scope) == cart
        await cart.send(Add("a"))
        await cart.send(Add("b"))
        with pytest.raises(JournalUnavailableError, match="the server cannot be reached"):
            await cart.ask(GetItems())
        store.away = None
        assert await until_it_answers(cart, GetItems()) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("scope", ["local", "cluster"])
async def test_the_message_that_starts_an_actor_while_its_journal_is_away_is_not_lost(
    store: Steered, scope: Scope
) -> None:
    async with system_over(store) as system:
        cart = await system.actor(Cart, name="cart", durable=True, scope=scope)
    store.away = JournalUnavailableError("the server cannot be reached")
    async with system_over(store) as system:
        if scope == "local":
            cart = await system.actor(Cart, name="cart", durable=True)
        else:  # nothing but a message, as that of a reference which came in one
            entity: Any = system.class_region().entity("tests.core.objects.cart:Cart/cart")
            cart = ClusterRef[Any](entity, durable=True)
        await cart.send(Add("a"))
        await settle()
        store.away = None
        assert await until_it_answers(cart, GetItems()) == {"a": 1.0}


@pytest.mark.parametrize("scope", ["local", "cluster"])
async def test_a_durable_actor_that_stops_before_it_has_started_is_an_error_with_its_cause(
    store: Steered, scope: Scope
) -> None:
    class Refusing(Cart):
        async def on_start(self) -> None:
            raise OSError("no such table")

    async with system_over(store) as system:
        with pytest.raises(ActorFailedError, match=r"did not start and has stopped: OSError.'no such table'"):
            await system.actor(Refusing, name="refusing", durable=True, scope=scope)
    store.away = JournalSetupError("wrong password")
    async with system_over(store) as system:
        with pytest.raises(ActorFailedError, match=r"has stopped: JournalSetupError.'wrong password'"):
            await system.actor(Cart, name="cart", durable=True, scope=scope)


async def test_on_start_sees_the_restored_state(tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []

    class Looking(Cart):
        async def on_start(self) -> None:
            seen.append(dict(self.items))

    for _ in range(2):
        async with on_disk(tmp_path) as system:
            cart: LocalRef[Any] = await system.actor(Looking, name="cart", durable=True)
            await cart.send(Add("a"))
            with pytest.raises(ActorFailedError, match="crash"):
                await cart.ask(Crash())
            await cart.ask(GetItems())
    assert seen == [{}, {"a": 1.0}, {"a": 1.0}, {"a": 1.0}]


async def test_become_is_no_part_of_the_state(tmp_path: Path) -> None:
    class Door(Actor[str]):
        def __init__(self) -> None:
            self.knocks = 0

        async def receive(self, msg: str, ctx: Context) -> None:
            self.knocks += 1
            ctx.become(self.open)
            await ctx.reply(("closed", self.knocks))

        async def open(self, msg: str, ctx: Context) -> None:
            if msg == "crash":
                raise RuntimeError(msg)
            self.knocks += 1
            await ctx.reply(("open", self.knocks))

    async with on_disk(tmp_path) as system:
        door = await system.actor(Door, name="door", durable=True)
        assert [await door.ask("knock") for _ in range(2)] == [("closed", 1), ("open", 2)]
        await door.send("crash")
        assert [await door.ask("knock") for _ in range(2)] == [("closed", 3), ("open", 4)]
    async with on_disk(tmp_path) as system:
        door = await system.actor(Door, name="door", durable=True)
        assert await door.ask("knock") == ("closed", 5)


async def test_a_state_outlives_its_process_by_its_name(tmp_path: Path) -> None:
    async with on_disk(tmp_path) as system:
        cart = await system.actor(Cart, name="cart-1", durable=True)
        await cart.send(Add("a"))
        await (await system.actor(Cart, name="cart-2", durable=True)).send(Add("b"))
    async with on_disk(tmp_path) as system:
        for name, items in {"cart-1": {"a": 1.0}, "cart-2": {"b": 1.0}, "cart-3": {}}.items():
            assert await (await system.actor(Cart, name=name, durable=True)).ask(GetItems()) == items


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.core.objects.stores import Steered, on_disk, system_over
from tests.core.objects.cart import Add, Cart, GetTotal
from tests.core.objects.stores import on_disk

async def main():
    async with on_disk(Path(sys.argv[1])) as system:
        cart = await system.actor(Cart, name="cart", durable=True)
        print(await cart.ask(GetTotal()), flush=True)
        for number in range(1_000_000):
            await cart.send(Add(str(number)))
            print(await cart.ask(GetTotal()), flush=True)

asyncio.run(main())
"""


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    acknowledged = 0.0
    for _ in range(3):
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=pipe, text=True) as process:
            assert process.stdout is not None
            assert float(process.stdout.readline()) >= acknowledged
            for _ in range(5):
                acknowledged = float(process.stdout.readline())
            process.kill()
        assert process.returncode == -signal.SIGKILL
    assert acknowledged >= 5


async def test_a_durable_actor_creates_and_stops_children(store: Steered) -> None:
    class Parent(Actor[str]):
        def __init__(self) -> None:
            self.asked: list[str] = []

        async def receive(self, msg: str, ctx: Context) -> None:
            self.asked.append(msg)
            child = await ctx.actor(Cart, name="child")
            await child.send(Add(msg))
            if msg == "stop":
                await ctx.stop_child(child)
                await ctx.reply(len(ctx.children))
            else:
                await ctx.reply(child)

    async with system_over(store) as system:
        parent = await system.actor(Parent, name="parent", durable=True)
        child = await parent.ask("a")
        assert await parent.ask("b") == child
        assert await child.ask(GetItems()) == {"a": 1.0, "b": 1.0}
        assert await parent.ask("stop") == 0
        assert await parent.ask("c") != child


async def test_a_child_of_a_command_that_has_not_happened_is_created_anew(store: Steered) -> None:
    class Parent(Actor[str]):
        async def receive(self, msg: str, ctx: Context) -> None:
            child = await ctx.system.actor(Cart, name="child")
            if msg == "crash":
                raise RuntimeError(msg)
            await ctx.reply(child)

    async with system_over(store) as system:
        parent = await system.actor(Parent, name="parent", durable=True)
        await parent.send("crash")
        child = await parent.ask("again")
        assert await child.ask(GetTotal()) == 0


async def test_a_living_actor_that_is_not_durable_stays_so_with_a_warning(
    store: Steered, caplog: pytest.LogCaptureFixture
) -> None:
    async with system_over(store) as system:
        cart = await system.actor(Cart, name="cart")
        assert await system.actor(Cart, name="cart", durable=True) == cart
        assert "the Cart at /cart was created without durable=True: its state is not stored" in caplog.text
        lasting = await system.actor(Cart, name="lasting", durable=True)
        assert await system.actor(Cart, name="lasting") == lasting
        assert await system.actor(Cart, name="cart") == cart


async def test_ids_of_schedules_that_are_stored_name_nothing_in_a_later_incarnation(store: Steered) -> None:
    class Expiring(Actor[Any]):
        def __init__(self) -> None:
            self.task: str | None = None

        async def receive(self, msg: Any, ctx: Context) -> None:
            match msg:
                case "start":
                    self.task = await ctx.schedule(60.0, "expired")
                    await ctx.reply(self.task)
                case "other":
                    other = await ctx.tick("ticked", interval=60.0)
                    await ctx.cancel_schedule(str(self.task))
                    await ctx.reply((self.task, other))
                case Crash(error):
                    raise error
                case _:
                    pass

    async with system_over(store) as system:
        ref = await system.actor(Expiring, name="expiring", durable=True)
        task = await ref.ask("start")
        await ref.send(Crash())
        stored, other = await ref.ask("other")
        assert stored == task
        assert other != task
