"""Kinds of classes: nested, generic, dataclasses, with slots, properties or peculiar instances; and very many."""

import gc
import subprocess
import sys
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, ClassVar, override

import pytest
from casty import Actor, ActorSystem, ArgumentError, BehaviorError, Context, LocalRef, on
from casty.objects.kinds import flattened, parameter_of

from tests.core.objects.cart import Add, GetItems


class Outer:
    class Inner(Actor[str]):
        async def receive(self, msg: str, ctx: Context) -> None:
            await ctx.reply(f"inner {msg}")


async def test_a_nested_class(system: ActorSystem) -> None:
    assert await (await system.actor(Outer.Inner)).ask("x") == "inner x"


class Store[T](Actor[tuple[str, T] | str]):
    def __init__(self, first: T) -> None:
        self.values: dict[str, T] = {"first": first}

    async def receive(self, msg: tuple[str, T] | str, ctx: Context) -> None:
        match msg:
            case (name, value):
                self.values[name] = value
            case name:
                await ctx.reply(self.values[name])


async def test_a_generic_class_with_and_without_its_argument(system: ActorSystem) -> None:
    for kind in (Store[int], Store):
        store: LocalRef[Any] = await system.actor(kind, first=1)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        await store.send(("second", 2))
        assert [await store.ask("first"), await store.ask("second")] == [1, 2]


@dataclass
class Counter(Actor[int]):
    step: int
    total: int = 0
    steps: list[int] = field(default_factory=list[int])

    @override
    async def receive(self, msg: int, ctx: Context) -> None:
        self.total += self.step
        self.steps.append(msg)
        await ctx.reply((self.total, self.steps, self._ctx.self_ref == ctx.self_ref))


@dataclass(frozen=True)
class Frozen(Actor[int]):
    step: int

    @override
    async def receive(self, msg: int, ctx: Context) -> None:
        await ctx.reply((self.step, self._ctx.self_ref == ctx.self_ref))


@dataclass(slots=True)
class Slotted(Actor[int]):
    step: int

    @on(int)
    async def count(self, msg: int, ctx: Context) -> None:
        self.step += msg
        await ctx.reply((self.step, self._ctx.self_ref == ctx.self_ref))


class Spare(Actor[int]):
    __slots__ = ("step",)

    def __init__(self, step: int) -> None:
        self.step = step

    async def receive(self, msg: int, ctx: Context) -> None:
        self.step += msg
        await ctx.reply((self.step, self._ctx.self_ref == ctx.self_ref))


async def test_dataclasses_and_classes_with_slots(system: ActorSystem) -> None:
    assert await (await system.actor(Counter, step=3)).ask(1) == (3, [1], True)
    assert await (await system.actor(Frozen, step=3)).ask(1) == (3, True)
    for kind in (Slotted, Spare):
        ref: LocalRef[int] = await system.actor(kind, step=3)
        assert [await ref.ask(1), await ref.ask(1)] == [(4, True), (5, True)]


async def test_properties_and_abstract_methods(system: ActorSystem) -> None:
    class Priced(Actor[int], ABC):
        @property
        @abstractmethod
        def price(self) -> float: ...

        async def receive(self, msg: int, ctx: Context) -> None:
            await ctx.reply(self.price * msg)

    class Cheap(Priced):
        @property
        @override
        def price(self) -> float:
            return 0.5

    assert await (await system.actor(Cheap)).ask(4) == 2.0


async def test_a_handler_that_replaces_the_dict_of_its_instance(system: ActorSystem) -> None:
    class Reset(Actor[str]):
        def __init__(self) -> None:
            self.count = 0

        async def receive(self, msg: str, ctx: Context) -> None:
            match msg:
                case "replace":
                    self.__dict__ = {"count": self.count}
                case "clear":
                    self.__dict__.clear()
                    self.count = -1
                case _:
                    self.count += 1
                    await self._ctx.reply((self.count, self._ctx.self_ref == ctx.self_ref))

    reset = await system.actor(Reset)
    assert await reset.ask("") == (1, True)
    await reset.send("replace")
    assert await reset.ask("") == (2, True)
    await reset.send("clear")
    assert await reset.ask("") == (0, True)


async def test_instances_that_are_equal_or_falsy_are_actors_of_their_own(system: ActorSystem) -> None:
    class Equal(Actor[int]):
        def __init__(self) -> None:
            self.total = 0

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

        def __len__(self) -> int:
            return 0

        async def receive(self, msg: int, ctx: Context) -> None:
            self.total += msg
            await ctx.reply((self.total, self._ctx.self_ref))

    one, other = await system.actor(Equal), await system.actor(Equal)
    assert await one.ask(1) == (1, one)
    assert await other.ask(2) == (2, other)


async def test_handlers_that_a_decorator_wraps(system: ActorSystem) -> None:
    calls: list[str] = []

    def noted(function: Any) -> Any:
        @wraps(function)
        async def wrapped(*arguments: Any) -> None:
            calls.append(function.__name__)
            await function(*arguments)

        return wrapped

    class Wrapped(Actor[Add | GetItems]):
        @on(Add)
        @noted
        async def inside(self, msg: Add, ctx: Context) -> None: ...

        @noted
        @on(GetItems)
        async def outside(self, msg: GetItems, ctx: Context) -> None:
            await ctx.reply(calls)

    wrapped = await system.actor(Wrapped)
    await wrapped.send(Add("a"))
    assert await wrapped.ask(GetItems()) == ["inside", "outside"]


async def test_results_of_handlers_mean_nothing(system: ActorSystem) -> None:
    class Returning(Actor[Any]):
        async def receive(self, msg: Any, ctx: Context) -> Any:
            if msg is None:
                await ctx.reply("here")
            return msg

    ref = await system.actor(Returning)
    for value in (0, 1.5, "x", Add("a"), object()):
        await ref.send(value)
    assert await ref.ask(None) == "here"


async def test_attributes_that_are_not_what_they_seem(system: ActorSystem) -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __call__(self) -> None: ...

    class Strange(Actor[int]):
        odd: ClassVar[Any] = Odd()
        partly: ClassVar[Any] = partial(print)

        async def receive(self, msg: int, ctx: Context) -> None:
            await ctx.reply(msg)

    assert await (await system.actor(Strange)).ask(3) == 3


async def test_thousands_of_classes_leave_nothing_behind(system: ActorSystem) -> None:
    alive: list[weakref.ref[Any]] = []

    async def one(number: int) -> None:
        class Numbered(Actor[int]):
            @on(int)
            async def add(self, msg: int, ctx: Context) -> None:
                ctx.stop()
                await ctx.reply(msg + number)

        alive.append(weakref.ref(Numbered))
        assert await (await system.actor(Numbered)).ask(1) == 1 + number

    for number in range(3_000):
        await one(number)
    await (await system.actor(Outer.Inner)).ask("x")
    gc.collect()
    assert sum(ref() is not None for ref in alive) <= 2


def test_classes_in_main_run_as_a_program() -> None:
    program = """
import asyncio
from dataclasses import dataclass
from casty import Actor, ActorSystem, Context

@dataclass
class Ping:
    text: str

class Pong(Actor[Ping]):
    async def receive(self, msg, ctx: Context):
        await ctx.reply(msg.text)

class Silent(Actor["Later"]):
    async def receive(self, msg, ctx: Context):
        await ctx.reply("later")

class Later: ...

async def main():
    async with ActorSystem() as system:
        pong = await system.actor(Pong, name="pong")
        both = pong | await system.actor(Silent)
        print(await both.ask(Ping("hello")), await both.ask(Later()))

asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("hello later\n", "")


# What a class says of its messages.

type Alias = Add | GetItems


class Base[T](Actor[T | str]):
    async def receive(self, msg: T | str, ctx: Context) -> None: ...


class Derived(Base[Alias]):
    pass


class Further(Derived):
    pass


class Open[T](Base[T]):
    pass


def test_the_classes_of_messages_are_found_through_bases_and_aliases() -> None:
    for kind in (Derived, Further):
        assert list(flattened(parameter_of(kind, Actor), "M")) == [Add, GetItems, str]
    assert parameter_of(type("Bare", (Actor,), {}), Actor) is Any
    assert list(flattened(list[int] | None | Store[int], "M")) == [list, type(None), Store]


async def test_an_open_type_of_messages_may_be_handled(system: ActorSystem) -> None:
    kept: LocalRef[Any] = await system.actor(Open)
    assert kept.accepts == ()


async def test_a_constructor_that_cannot_be_inspected_is_called(system: ActorSystem) -> None:
    class Hidden(Actor[int]):
        __signature__ = "nonsense"

        def __init__(self, step: int) -> None:
            self.step = step

        async def receive(self, msg: int, ctx: Context) -> None:
            await ctx.reply(self.step)

    assert await (await system.actor(Hidden, step=3)).ask(1) == 3


class Named(Actor[str]):
    def __init__(self, name: str) -> None:
        self.called = name

    async def receive(self, msg: str, ctx: Context) -> None:
        await ctx.reply(self.called)


class Stored(Named):
    def __init__(self, *, durable: bool = True) -> None:
        super().__init__(f"{durable}")


@dataclass
class Scoped(Actor[str]):
    limit: int
    scope: str = "page"

    async def receive(self, msg: str, ctx: Context) -> None:
        await ctx.reply(self.scope)


class Supervised(Named):
    def __init__(self, supervision: object) -> None:
        super().__init__(f"{supervision}")


@pytest.mark.parametrize("scope", ["local", "cluster"])
@pytest.mark.parametrize(
    ("kind", "given", "argument", "meaning"),
    [
        (Named, {}, "name", "the actor's own name"),
        (Stored, {}, "durable", "whether the actor's state is stored"),
        (Scoped, {"limit": 3}, "scope", "where the actor runs"),
        (Supervised, {}, "supervision", "what happens when the actor fails"),
    ],
)
async def test_a_constructor_whose_argument_is_one_of_actor_is_an_error_with_the_cure(
    system: ActorSystem, kind: Any, given: dict[str, Any], argument: str, meaning: str, scope: Any
) -> None:
    with pytest.raises(ArgumentError) as raised:
        await system.actor(kind, name="some", scope=scope, **given)
    text = str(raised.value)
    assert f"the constructor {kind.__qualname__}(" in text
    assert f"cannot be given '{argument}': in system.actor(..., {argument}=...) it is {meaning}" in text
    assert text.endswith("rename the constructor's argument")


async def test_such_an_argument_may_be_given_by_its_place(system: ActorSystem) -> None:
    named = await system.actor(Named, "some", False, "local", None, "called so")
    assert await named.ask("") == "called so"


async def test_a_durable_actor_needs_a_name(system: ActorSystem) -> None:
    with pytest.raises(ArgumentError, match=r"a durable Spare is found by its name: give it one, name=\.\.\."):
        await system.actor(Spare, durable=True, step=1)


def test_what_names_no_class_of_messages() -> None:
    for wrong in (5, "Add", ..., Any):
        with pytest.raises(BehaviorError, match=r"M of Cart names classes of messages, such as AddItem"):
            list(flattened(wrong, "M of Cart"))
