"""References to class-based actors: sending, asking, replying, and references combined by type."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from casty import (
    Actor,
    ActorContext,
    ActorFailedError,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    Behavior,
    BehaviorError,
    Behaviors,
    Context,
    LocalActorRef,
    LocalRef,
    Mailbox,
    MailboxOverflowStrategy,
    Terminated,
    on,
)
from casty.testing import TestProbe

from tests.core.objects.cart import Add, AddGift, Cart, Crash, GetItems, GetTotal


@dataclass(frozen=True)
class Do:
    """Carried out by the actor itself."""

    work: Callable[["Worker", Context], Any]


class Worker(Actor[Do]):
    def __init__(self) -> None:
        self.kept: list[Any] = []

    async def receive(self, msg: Do, ctx: Context) -> None:
        await msg.work(self, ctx)


async def test_sent_messages_arrive_in_order_and_an_ask_after_them(system: ActorSystem) -> None:
    cart = await system.actor(Cart, name="cart")
    for number in range(100):
        await cart.send(Add(str(number), number))
    assert list(await cart.ask(GetItems())) == [str(number) for number in range(100)]
    assert await cart.ask(GetTotal()) == sum(range(100))
    assert await cart.ask(GetTotal(), timeout=10.0) == sum(range(100))


async def test_a_message_that_is_asked_may_be_made_for_its_reply_reference(system: ActorSystem) -> None:
    @dataclass(frozen=True)
    class Ping:
        reply_to: ActorRef[str]

    class Pong(Actor[Ping]):
        async def receive(self, msg: Ping, ctx: Context) -> None:
            msg.reply_to.tell("pong")

    ref = await system.actor(Pong)
    assert await ref.ask(Ping) == "pong"
    assert await ref.ask(lambda reply_to: Ping(reply_to)) == "pong"
    assert await system.ask(ref, Ping) == "pong"


async def test_functional_code_asks_and_watches_class_based_actors(system: ActorSystem) -> None:
    cart = await system.actor(Cart, name="cart")
    probe = TestProbe[Any](system)

    async def watch(ctx: ActorContext[Any]) -> Behavior[Any]:
        ctx.watch(cart)
        ctx.ask(cart, GetTotal(), lambda total: total)
        return Behaviors.receive(forward)

    async def forward(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        probe.ref.tell(message)
        return Behaviors.same()

    cart.tell(Add("a", 2.0))
    system.spawn(Behaviors.setup(watch))
    assert await probe.receive() == 2.0
    assert await system.ask(cart, GetTotal()) == 2.0
    await (await system.actor(Worker)).send(Do(lambda _, ctx: asyncio.sleep(0)))
    await cart.send(Crash())
    assert await cart.ask(GetTotal()) == 0
    await stop(system, cart)
    assert await probe.expect_message(Terminated) == Terminated(cart)


async def stop(system: ActorSystem, ref: LocalRef[Any]) -> None:
    """Stop a top-level actor from outside."""
    from casty.extension import actor_behind, stop

    probe = TestProbe[Any](system)
    probe.watch(ref)
    behind = actor_behind(ref.target)
    assert behind is not None
    stop(behind)
    await probe.expect_terminated(ref)


async def test_a_failed_handler_fails_its_ask_at_once_and_names_what_was_asked(
    system: ActorSystem,
) -> None:
    cart = await system.actor(Cart, name="cart")
    with pytest.raises(ActorFailedError, match=r"/cart failed on Crash: .*boom"):
        await cart.ask(Crash(ValueError("boom")))
    await stop(system, cart)
    with pytest.raises(ActorStoppedError):
        await cart.ask(GetItems())


async def test_an_ask_that_is_not_replied_to_names_what_was_asked(system: ActorSystem) -> None:
    cart = await system.actor(Cart, name="cart")
    with pytest.raises(TimeoutError, match=r"/cart did not answer Add within 0\.01 s"):
        await cart.ask(Add("a"), timeout=0.01)


async def test_a_reply_may_follow_after_other_messages(system: ActorSystem) -> None:
    released = asyncio.Event()

    async def later(worker: Worker, ctx: Context) -> None:
        async def reply() -> None:
            await released.wait()
            await ctx.reply("late")

        worker.kept.append(asyncio.create_task(reply()))

    async def now(worker: Worker, ctx: Context) -> None:
        released.set()
        await ctx.reply("early")

    worker = await system.actor(Worker)
    late = asyncio.create_task(worker.ask(Do(later)))
    await asyncio.sleep(0)
    assert await worker.ask(Do(now)) == "early"
    assert await late == "late"


async def test_the_context_of_the_instance_replies_too_and_knows_the_sender(system: ActorSystem) -> None:
    async def senders(worker: Worker, ctx: Context) -> None:
        same = ctx.sender is worker._ctx.sender
        assert ctx.sender is not None
        await worker._ctx.reply(same)

    async def no_sender(worker: Worker, ctx: Context) -> None:
        worker.kept.append(ctx.sender)

    async def kept(worker: Worker, ctx: Context) -> None:
        await ctx.reply(worker.kept)

    worker = await system.actor(Worker)
    assert await worker.ask(Do(senders)) is True
    await worker.send(Do(no_sender))
    assert await worker.ask(Do(kept)) == [None]


async def test_a_second_reply_is_an_error_that_names_the_class(system: ActorSystem) -> None:
    async def twice(worker: Worker, ctx: Context) -> None:
        await ctx.reply(1)
        with pytest.raises(BehaviorError, match=r"Worker \(/worker\) replied twice to Do.*send further messages"):
            await ctx.reply(2)

    async def fine(worker: Worker, ctx: Context) -> None:
        await ctx.reply("fine")

    worker = await system.actor(Worker, name="worker")
    assert await worker.ask(Do(twice)) == 1
    assert await worker.ask(Do(fine)) == "fine"


async def test_a_reply_to_a_message_that_was_sent_is_dropped_and_logged_once(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    class Eager(Cart):
        async def receive(self, msg: Any, ctx: Context) -> None:
            await super().receive(msg, ctx)
            await ctx.reply("added")

    cart = await system.actor(Eager, name="cart")
    with caplog.at_level(logging.ERROR):
        await cart.send(Add("a"))
        await cart.send(Add("b"))
        assert await cart.ask(Add("c")) == "added"
    [record] = caplog.records
    assert "Eager (/cart) called ctx.reply for a message that was sent, and not asked" in record.getMessage()
    assert "use await ref.ask(message)" in record.getMessage()


async def test_a_reply_outside_of_handlers_is_an_error_that_names_the_class(system: ActorSystem) -> None:
    class Early(Cart):
        async def on_start(self) -> None:
            await self._ctx.reply("hello")

    with pytest.raises(ActorFailedError, match="did not start") as raised:
        await system.actor(Early, name="early")
    assert "Early (/early) called ctx.reply outside of a handler" in str(raised.value.__cause__)


async def test_the_context_is_not_there_in_the_constructor(system: ActorSystem) -> None:
    class Early(Cart):
        def __init__(self) -> None:
            super().__init__()
            self.ref = self._ctx.self_ref

    with pytest.raises(ActorFailedError) as raised:
        await system.actor(Early)
    assert "Early used self._ctx in its constructor; use it from on_start on" in str(raised.value.__cause__)


async def test_send_waits_for_room_in_a_bounded_mailbox(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def wait(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        await gate.wait()
        return Behaviors.same()

    full = Mailbox(capacity=1, overflow=MailboxOverflowStrategy.backpressure)
    ref = LocalRef[Any](system.spawn(Behaviors.receive(wait), mailbox=full))
    await ref.send(1)
    await asyncio.sleep(0)
    await ref.send(2)
    waiting = asyncio.ensure_future(ref.send(3))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    await waiting


async def test_a_reference_travels_with_what_its_actor_handles(system: ActorSystem) -> None:
    cart = await system.actor(Cart, name="cart")
    again: Any = system.serializer.loads(system.serializer.dumps({"cart": cart}))
    assert again == {"cart": cart}
    assert again["cart"].accepts == cart.accepts
    await again["cart"].send(Add("a", 3.0))
    assert await again["cart"].ask(GetTotal()) == 3.0
    assert hash(again["cart"]) == hash(cart)
    assert LocalActorRef is LocalRef


# Combined references.


class Log(Actor[str | bytes]):
    def __init__(self) -> None:
        self.lines: list[Any] = []

    @on(str)
    async def line(self, msg: str, ctx: Context) -> None:
        self.lines.append(msg)

    @on(bytes)
    async def all(self, msg: bytes, ctx: Context) -> None:
        await ctx.reply(self.lines)


class Numbers(Actor["int | float"]):
    async def receive(self, msg: float, ctx: Context) -> None:
        await ctx.reply(msg + 1)


async def test_combined_references_choose_by_the_class_of_the_message(system: ActorSystem) -> None:
    cart, log, numbers = await system.actor(Cart), await system.actor(Log), await system.actor(Numbers)
    for together in (cart | log | numbers, cart | (log | numbers), (cart | log) | (numbers | cart)):
        assert together.parts == (cart, log, numbers)
        await together.send(AddGift("a", 2.0))
        together.tell("line")
        assert await together.ask(GetTotal()) == 2.0
        assert await together.ask(5) == 6
    assert await (log | cart).ask(b"") == ["line"] * 3


async def test_overlapping_classes_cannot_be_combined(system: ActorSystem) -> None:
    class OtherCart(Actor[Add]):
        async def receive(self, msg: Add, ctx: Context) -> None: ...

    cart, other = await system.actor(Cart, name="cart"), await system.actor(OtherCart, name="other")
    with pytest.raises(BehaviorError, match=r"both handle .*:Add, so that /cart \| /other could not choose"):
        _ = cart | other


async def test_a_message_that_none_of_them_handles_is_an_error(system: ActorSystem) -> None:
    both: Any = await system.actor(Cart) | await system.actor(Log)
    with pytest.raises(BehaviorError, match=r"none of LocalRef.* handles builtins:float, but .*:Add"):
        await both.send(1.5)
    with pytest.raises(BehaviorError, match="none of"):
        both.ask(1.5)


async def test_what_says_nothing_of_its_messages_cannot_be_combined(system: ActorSystem) -> None:
    class Anything(Actor[Any]):
        async def receive(self, msg: Any, ctx: Context) -> None: ...

    cart, anything = await system.actor(Cart), await system.actor(Anything)
    with pytest.raises(BehaviorError, match=r"does not say which messages it handles; derive it from Actor\[A \| B\]"):
        _ = cart | anything
    functional: Any = system.spawn(Behaviors.ignore())
    with pytest.raises(BehaviorError, match="combines references to class-based actors"):
        _ = cart | functional
