"""Which method handles which message."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, cast

import pytest
from casty import Actor, ActorSystem, BehaviorError, Context, UnhandledMessage, on
from casty.testing import TestProbe

from tests.core.objects.cart import Add, AddGift, Cart, GetItems, GetTotal

type Either = Add | GetItems


class Noting(Actor[Any]):
    """Replies with the names of the handlers that have handled messages."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @on(GetTotal)
    async def total(self, msg: GetTotal, ctx: Context) -> None:
        await ctx.reply(self.calls)  # type: ignore[arg-type]


class Handlers(Noting):
    @on(Add)
    async def add(self, msg: Add, ctx: Context) -> None:
        self.calls.append("add")

    @on(int | str)
    async def scalar(self, msg: int | str, ctx: Context) -> None:
        self.calls.append("scalar")


class Fallback(Handlers):
    async def receive(self, msg: Any, ctx: Context) -> None:
        self.calls.append("receive")


async def calls(system: ActorSystem, kind: type[Noting], *messages: object) -> Any:
    ref = await system.actor(kind)
    for message in messages:
        await ref.send(message)
    return await ref.ask(GetTotal())


async def test_a_message_goes_to_the_method_for_its_class(system: ActorSystem) -> None:
    assert await calls(system, Handlers, Add("a"), 1, "b", Add("c")) == ["add", "scalar", "scalar", "add"]


async def test_a_message_goes_to_the_method_for_its_nearest_base(system: ActorSystem) -> None:
    class WithGifts(Handlers):
        @on(AddGift)
        async def gift(self, msg: AddGift, ctx: Context) -> None:
            self.calls.append("gift")

    assert await calls(system, Handlers, AddGift("a"), True) == ["add", "scalar"]
    assert await calls(system, WithGifts, AddGift("a"), Add("b")) == ["gift", "add"]


async def test_receive_handles_what_no_other_method_does(system: ActorSystem) -> None:
    assert await calls(system, Fallback, Add("a"), 1.5, None) == ["add", "receive", "receive"]


async def test_a_message_that_nothing_handles_is_published(system: ActorSystem) -> None:
    probe = TestProbe[UnhandledMessage](system)
    probe.subscribe(UnhandledMessage)
    ref = await system.actor(Handlers)
    for _ in range(2):
        await ref.send(1.5)
        assert await probe.expect_message(UnhandledMessage) == UnhandledMessage(1.5, ref)
    assert await ref.ask(GetTotal()) == []


async def test_an_alias_of_a_union_names_its_classes(system: ActorSystem) -> None:
    class Aliased(Noting):
        @on(Either)  # type: ignore[arg-type]
        async def either(self, msg: Either, ctx: Context) -> None:
            self.calls.append("either")

    assert await calls(system, Aliased, Add("a"), GetItems()) == ["either", "either"]


async def test_handlers_are_inherited_and_overridden(system: ActorSystem) -> None:
    class Same(Handlers):
        async def add(self, msg: Add, ctx: Context) -> None:
            self.calls.append("overridden")

    class Renamed(Handlers):
        @on(Add)
        async def plus(self, msg: Add, ctx: Context) -> None:
            self.calls.append("plus")

    class Redirected(Fallback):
        @on(cast("type[Any]", float))
        async def add(self, msg: Any, ctx: Context) -> None:
            self.calls.append("float")

    assert await calls(system, Same, Add("a"), 1) == ["overridden", "scalar"]
    assert await calls(system, Renamed, Add("a"), 1) == ["plus", "scalar"]
    assert await calls(system, Redirected, Add("a"), 1.5) == ["receive", "float"]


async def test_a_handler_that_is_set_to_none_handles_nothing(system: ActorSystem) -> None:
    class Less(Fallback):
        add = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # that is the point

    assert await calls(system, Less, Add("a")) == ["receive"]


async def test_an_abstract_class_of_messages_covers_what_is_registered_with_it(system: ActorSystem) -> None:
    class Payment(ABC):  # noqa: B024  # nothing need be abstract in it
        """Not a base of the messages."""

    Payment.register(GetItems)

    class Paid(Noting):
        @on(Payment)
        async def pay(self, msg: Payment, ctx: Context) -> None:
            self.calls.append("pay")

    assert await calls(system, Paid, GetItems()) == ["pay"]


async def test_a_method_that_is_replaced_before_an_actor_is_created_counts(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await calls(system, Handlers, 1) == ["scalar"]

    async def fake(self: Handlers, msg: int, ctx: Context) -> None:
        self.calls.append("fake")

    monkeypatch.setattr(Handlers, "scalar", fake)
    assert await calls(system, Handlers, 1) == ["fake"]


def test_one_class_of_messages_with_two_handlers_is_refused() -> None:
    with pytest.raises(BehaviorError, match=r"Twice handles Add twice, with @on above first and above second"):

        class Twice(Actor[Add]):  # pyright: ignore[reportUnusedClass]
            @on(Add)
            async def first(self, msg: Add, ctx: Context) -> None: ...

            @on(GetItems | Add)
            async def second(self, msg: GetItems | Add, ctx: Context) -> None: ...


def test_a_handler_that_is_not_async_is_refused() -> None:
    with pytest.raises(BehaviorError, match=r"@on\(Add\) takes a coroutine function.*Sync\.add.*async def handle"):

        class Sync(Actor[Add]):  # pyright: ignore[reportUnusedClass]
            @on(Add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            def add(self, msg: Add, ctx: Context) -> None: ...


def test_receive_that_is_not_async_is_refused() -> None:
    with pytest.raises(BehaviorError, match=r"receive of .*Sync takes a coroutine function.*receive\(self, msg, ctx\)"):

        class Sync(Actor[Add]):  # pyright: ignore[reportUnusedClass]
            def receive(self, msg: Add, ctx: Context) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


@pytest.mark.parametrize("hook", ["on_start", "on_stop", "pre_restart", "post_restart"])
def test_a_hook_that_is_not_async_or_takes_something_else_is_refused(hook: str) -> None:
    with pytest.raises(BehaviorError, match=f"{hook} of Hooked takes a coroutine function"):
        type("Hooked", (Cart,), {hook: lambda: None} | {hook: _sync})
    with pytest.raises(BehaviorError, match=f"{hook} of Hooked calls .* argument"):
        type("Hooked", (Cart,), {hook: _without_arguments})


def _sync(*arguments: object, more: int = 0) -> None: ...


async def _without_arguments() -> None: ...


@pytest.mark.parametrize("kinds", [(), ("Add",), (5,), (Any,), (..., Add)])
def test_what_is_no_class_of_messages_is_refused(kinds: tuple[Any, ...]) -> None:
    with pytest.raises(BehaviorError, match="@on"):
        on(*kinds)


async def test_a_class_without_handlers_is_refused_when_an_actor_is_made(system: ActorSystem) -> None:
    class Nothing(Actor[Add]):
        """It may still be the base of others."""

    class Unfinished(Actor[Add], ABC):
        @abstractmethod
        async def price(self) -> float: ...

        async def receive(self, msg: Add, ctx: Context) -> None: ...

    with pytest.raises(BehaviorError, match=r"Nothing handles no messages: define async def receive"):
        await system.actor(Nothing)
    with pytest.raises(BehaviorError, match=r"Unfinished is abstract: define price"):
        await system.actor(Unfinished)  # type: ignore[type-abstract]  # pyright: ignore[reportArgumentType]


@dataclass
class NoActor:
    price: float


@pytest.mark.parametrize("given", [NoActor, NoActor(1.0), Cart(), lambda: None, "Cart", None])
async def test_what_is_no_class_of_actors_is_refused(system: ActorSystem, given: Any) -> None:
    with pytest.raises(BehaviorError, match=r"an actor's class derives from casty\.Actor"):
        await system.actor(given)
