"""The life of class-based actors: hooks, restarts, supervision, children, names."""

import asyncio
from typing import Any

import pytest
from casty import (
    Actor,
    ActorFailedError,
    ActorNameError,
    ActorSystem,
    ArgumentError,
    Behaviors,
    CastyConfig,
    Context,
    LocalRef,
    on,
)
from casty.objects.scope import Scope
from casty.testing import TestProbe, settle

from tests.core.objects.cart import Add, Cart, Crash, GetItems, GetTotal


class OtherCart(Cart):
    """Another class."""


async def test_hooks_run_in_order_around_a_restart(system: ActorSystem) -> None:
    story: list[Any] = []
    cart = await system.actor(Cart, name="cart", story=story)
    await cart.send(Add("a"))
    crash = Crash()
    await cart.send(crash)
    assert await cart.ask(GetItems()) == {}
    assert story == [
        "start",
        ("pre_restart", "crash", crash, {"a": 1.0}),
        "start",
        ("post_restart", "crash", {}),
    ]
    await system.shutdown()
    assert story[4:] == ["stop"]


async def test_the_message_of_a_failed_ask_is_given_to_pre_restart(system: ActorSystem) -> None:
    story: list[Any] = []
    cart = await system.actor(Cart, story=story)
    crash = Crash()
    with pytest.raises(ActorFailedError):
        await cart.ask(crash)
    await cart.ask(GetItems())
    assert story[1] == ("pre_restart", "crash", crash, {})


async def test_a_restarted_actor_has_a_fresh_instance_which_receives(system: ActorSystem) -> None:
    instances: list[Any] = []

    class Fresh(Cart):
        def __init__(self, owner: str) -> None:
            super().__init__()
            instances.append(self)
            self.owner = owner

        @on(str)
        async def which(self, msg: str, ctx: Context) -> None:
            await ctx.reply((self is instances[-1], len(instances), self.owner))

    ref: LocalRef[Any] = await system.actor(Fresh, name="fresh", owner="alice")
    await ref.send(Crash())
    assert await ref.ask("which") == (True, 2, "alice")
    assert await system.actor(Fresh, name="fresh", owner="bob") == ref
    assert await ref.ask("which") == (True, 2, "alice")


async def test_become_ends_with_the_instance_that_called_it(system: ActorSystem) -> None:
    class Door(Actor[str]):
        async def on_start(self) -> None:
            if not getattr(type(self), "started", False):
                type(self).started = True  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            else:
                self._ctx.become(self.after_restart)

        async def pre_restart(self, exc: BaseException, msg: str | None) -> None:
            self._ctx.become(self.open)

        async def receive(self, msg: str, ctx: Context) -> None:
            if msg == "open":
                ctx.become(self.open)
            await ctx.reply("closed")

        async def open(self, msg: str, ctx: Context) -> None:
            if msg == "crash":
                raise RuntimeError(msg)
            if msg == "ajar":
                ctx.become(self.ajar, discard_old=True)
            if msg == "close":
                ctx.unbecome()
            await ctx.reply("open")

        async def ajar(self, msg: str, ctx: Context) -> None:
            ctx.unbecome()
            ctx.unbecome()
            await ctx.reply("ajar")

        async def after_restart(self, msg: str, ctx: Context) -> None:
            ctx.unbecome()
            await ctx.reply("after restart")

    door = await system.actor(Door)
    asked = "open", "knock", "close", "knock", "open", "ajar", "knock", "knock", "open", "knock"
    replies = [await door.ask(message) for message in asked]
    assert replies == ["closed", "open", "open", "closed", "closed", "open", "ajar", "closed", "closed", "open"]
    await door.send("crash")
    assert [await door.ask("knock") for _ in range(2)] == ["after restart", "closed"]


@pytest.mark.parametrize("scope", ["local", "cluster"])
@pytest.mark.parametrize("durable", [False, True])
async def test_become_in_post_restart_gives_messages_to_another_handler(
    system: ActorSystem, scope: Scope, durable: bool
) -> None:
    class Careful(Actor[str]):
        async def post_restart(self, exc: BaseException) -> None:
            self._ctx.become(self.after_failure)

        async def receive(self, msg: str, ctx: Context) -> None:
            if msg == "crash":
                raise RuntimeError(msg)
            await ctx.reply("usual")

        async def after_failure(self, msg: str, ctx: Context) -> None:
            ctx.unbecome()
            await ctx.reply("careful")

    careful = await system.actor(Careful, name="careful", scope=scope, durable=durable)
    assert await careful.ask("knock") == "usual"
    await careful.send("crash")
    assert [await careful.ask("knock") for _ in range(2)] == ["careful", "usual"]


async def test_become_takes_what_can_handle_a_message(system: ActorSystem) -> None:
    class Wrong(Cart):
        async def on_start(self) -> None:
            self._ctx.become(lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]

    with pytest.raises(ActorFailedError) as raised:
        await system.actor(Wrong, name="wrong")
    assert "become of" in str(raised.value.__cause__)
    assert "Wrong (/wrong)" in str(raised.value.__cause__)


async def test_a_child_is_created_once_for_each_name_and_stopped(system: ActorSystem) -> None:
    class Family(Actor[Any]):
        @on(str)
        async def get(self, msg: str, ctx: Context) -> None:
            await ctx.reply(await ctx.actor(Cart, name=msg))

        @on(LocalRef)
        async def stop(self, msg: LocalRef[Any], ctx: Context) -> None:
            await ctx.stop_child(msg)
            await ctx.reply(list(ctx.children))

        @on(int)
        async def end(self, msg: int, ctx: Context) -> None:
            ctx.stop()

    family = await system.actor(Family, name="family")
    first, second = await family.ask("first"), await family.ask("second")
    await first.send(Add("a"))
    assert first.address.path == "/family/first"
    assert await family.ask("first") == first
    assert await (await family.ask("first")).ask(GetItems()) == {"a": 1.0}
    assert await family.ask(first) == [second]
    again = await family.ask("first")
    assert again != first
    assert await again.ask(GetItems()) == {}
    with pytest.raises(ActorFailedError, match="may stop its children and itself, but not /cart"):
        await family.ask(await system.actor(Cart, name="cart"))
    with pytest.raises(ActorFailedError, match=r"cannot wait for its own end in stop_child; call ctx\.stop\(\)"):
        await family.ask(family)
    probe = TestProbe[Any](system)
    probe.watch(family)
    await family.send(1)
    await probe.expect_terminated(family)


# Names.


async def test_two_tasks_that_get_or_create_a_name_at_once_get_one_actor(system: ActorSystem) -> None:
    story: list[Any] = []
    refs = await asyncio.gather(*(system.actor(Cart, name="cart", story=story) for _ in range(10)))
    assert len(set(refs)) == 1
    assert story == ["start"]


async def test_a_name_of_another_class_or_of_a_behavior_is_an_error(system: ActorSystem) -> None:
    await system.actor(Cart, name="cart")
    with pytest.raises(ActorNameError, match="already, a Cart and no OtherCart: choose another name"):
        await system.actor(OtherCart, name="cart")
    system.spawn(Behaviors.ignore(), "functional")
    with pytest.raises(ActorNameError, match="there is an actor at /functional already"):
        await system.actor(Cart, name="functional")
    with pytest.raises(ActorNameError, match="cannot name an actor"):
        await system.actor(Cart, name="a/b")


async def test_the_name_of_an_actor_that_is_stopping_is_waited_for(system: ActorSystem) -> None:
    stopping, end = asyncio.Event(), asyncio.Event()

    class Slow(Cart):
        async def on_stop(self) -> None:
            stopping.set()
            await end.wait()

        @on(str)
        async def stop(self, msg: str, ctx: Context) -> None:
            ctx.stop()

    first: LocalRef[Any] = await system.actor(Slow, name="slow")
    await first.send("stop")
    await stopping.wait()
    successors = [asyncio.create_task(system.actor(Slow, name="slow")) for _ in range(2)]
    await settle()
    assert not any(successor.done() for successor in successors)
    end.set()
    second = await successors[0]
    assert second == await successors[1]
    assert second != first
    assert await second.ask(GetTotal()) == 0


async def test_an_actor_that_does_not_start_is_an_error_that_names_its_class(system: ActorSystem) -> None:
    class Broken(Cart):
        def __init__(self) -> None:
            raise OSError("no such table")

    class BrokenLater(Cart):
        async def on_start(self) -> None:
            raise OSError("no such table")

    for kind in (Broken, BrokenLater):
        with pytest.raises(ActorFailedError, match=rf"{kind.__name__} \(/x\) did not start.*no such table") as raised:
            await system.actor(kind, name="x")
        assert isinstance(raised.value.__cause__, OSError)


async def test_an_actor_that_starts_at_the_second_attempt_has_started(system: ActorSystem) -> None:
    attempts: list[int] = []

    class Flaky(Cart):
        async def on_start(self) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise OSError("not yet")

    ref = await system.actor(Flaky)
    assert len(attempts) == 2
    assert await ref.ask(GetTotal()) == 0


async def test_arguments_that_the_constructor_does_not_take_are_an_error(system: ActorSystem) -> None:
    class Owned(Cart):
        def __init__(self, owner: str) -> None:
            super().__init__()

    for wrong in ({}, {"owner": "alice", "limit": 3}):
        with pytest.raises(ArgumentError, match=r"the constructor .*Owned\(owner: str\) .* cannot be called"):
            await system.actor(Owned, name="owned", **wrong)  # type: ignore[arg-type]
    owned = await system.actor(Owned, name="owned", owner="alice")
    assert await system.actor(Owned, name="owned") == owned  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def test_a_class_that_makes_something_else_is_an_error(system: ActorSystem) -> None:
    class Elsewhere(Cart):
        def __new__(cls, story: list[Any] | None = None) -> Any:
            return object()

    with pytest.raises(ActorFailedError) as raised:
        await system.actor(Elsewhere)
    assert "calling" in str(raised.value.__cause__)


async def test_a_stopped_system_creates_nothing() -> None:
    system = ActorSystem(config=CastyConfig())
    with pytest.raises(RuntimeError, match="is not running"):
        await system.actor(Cart)
