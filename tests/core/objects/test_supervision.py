"""What happens to class-based actors that fail, and to their siblings."""

from typing import Any

import pytest
from casty import (
    Actor,
    ActorRestarted,
    ActorStopped,
    ActorSystem,
    ArgumentError,
    Context,
    Directive,
    LocalRef,
    MultiChildStrategy,
    SupervisionStrategy,
    SupervisorConfig,
    load_config,
    on,
    supervised,
)
from casty.testing import ManualClock, TestProbe, settle

from tests.core.objects.cart import Cart, Crash, GetItems


@supervised(strategy=SupervisionStrategy.RESTART, max_restarts=2, within_seconds=60.0)
class Twice(Cart):
    pass


@supervised(strategy=SupervisionStrategy.STOP)
class Once(Cart):
    pass


@supervised(strategy=SupervisionStrategy.ESCALATE)
class Escalating(Cart):
    pass


async def crashes(system: ActorSystem, ref: LocalRef[Any], count: int) -> int:
    """How many crashes it outlives."""
    probe = TestProbe[Any](system)
    probe.subscribe(ActorRestarted)
    probe.subscribe(ActorStopped)
    for number in range(count):
        await ref.send(Crash())
        if isinstance(await probe.receive(), ActorStopped):
            return number
    return count


async def test_an_actor_is_restarted_as_often_as_its_class_says(system: ActorSystem) -> None:
    assert await crashes(system, await system.actor(Cart), 5) == 3
    assert await crashes(system, await system.actor(Twice), 5) == 2
    assert await crashes(system, await system.actor(Once), 5) == 0
    given = SupervisorConfig(max_restarts=1)
    assert await crashes(system, await system.actor(Once, supervision=given), 5) == 1
    assert await crashes(system, await system.actor(type("Derived", (Twice,), {})), 5) == 2


async def test_the_configuration_decides_where_the_class_says_nothing(tmp_path: Any) -> None:
    path = tmp_path / "casty.toml"
    path.write_text('[actors.firm.supervision]\nstrategy = "stop"\n')
    async with ActorSystem(config=load_config(path)) as system:
        assert await crashes(system, await system.actor(Cart, name="firm"), 5) == 0
        assert await crashes(system, await system.actor(Cart, name="other"), 5) == 3
    async with ActorSystem(config=load_config(path)) as system:
        assert await crashes(system, await system.actor(Twice, name="firm"), 5) == 2


async def test_backoff_delays_each_restart_for_longer(actor_system: ActorSystem, manual_time: ManualClock) -> None:
    patient = SupervisorConfig(max_restarts=5, backoff_initial=1.0, backoff_max=3.0, backoff_multiplier=2.0)
    cart = await actor_system.actor(Cart, supervision=patient)
    for least, most in ((1.0, 1.2), (2.0, 2.4), (3.0, 3.6), (3.0, 3.6)):
        await cart.send(Crash())
        await settle()
        [wait] = manual_time.waits()
        assert least <= wait <= most
        await manual_time.advance(4.0)
    assert await cart.ask(GetItems()) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "restart"},
        {"multi_child": "all"},
        {"max_restarts": -1},
        {"within_seconds": 0},
        {"backoff_initial": -1.0},
        {"backoff_multiplier": 0.5},
    ],
)
def test_what_is_no_supervision_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        supervised(**wrong)


async def test_a_supervisor_that_is_none_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ArgumentError, match=r"supervision of Cart is SupervisorConfig\(\.\.\.\), not "):
        await system.actor(Cart, supervision=Directive.stop)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Parent(Actor[Any]):
    """Creates three children, and tells on them."""

    def __init__(self, kind: type[Cart] = Cart) -> None:
        self.kind = kind
        self.stories: list[list[Any]] = [[], [], []]

    async def on_start(self) -> None:
        for number, story in enumerate(self.stories):
            await self._ctx.actor(self.kind, name=f"child-{number}", story=story)

    @on(int)
    async def child(self, msg: int, ctx: Context) -> None:
        await ctx.reply(ctx.children[msg])

    @on(str)
    async def tell(self, msg: str, ctx: Context) -> None:
        await ctx.reply([len([entry for entry in story if entry == msg]) for story in self.stories])


async def starts_after_a_crash_of_the_second(system: ActorSystem, parent: type[Parent], **arguments: Any) -> Any:
    ref = await system.actor(parent, **arguments)
    child = await ref.ask(1)
    await child.send(Crash())
    await settle()
    return await ref.ask("start")


async def test_children_are_restarted_alone_together_or_with_later_ones(system: ActorSystem) -> None:
    @supervised(multi_child=MultiChildStrategy.ONE_FOR_ALL)
    class All(Parent):
        pass

    @supervised(multi_child=MultiChildStrategy.REST_FOR_ONE)
    class Rest(Parent):
        pass

    assert await starts_after_a_crash_of_the_second(system, Parent) == [1, 2, 1]
    assert await starts_after_a_crash_of_the_second(system, All) == [2, 2, 2]
    assert await starts_after_a_crash_of_the_second(system, Rest) == [1, 2, 2]
    assert await starts_after_a_crash_of_the_second(system, All, kind=Twice) == [2, 2, 2]
    assert await starts_after_a_crash_of_the_second(system, All, kind=Once) == [1, 1, 1]


async def test_a_failure_that_escalates_fails_the_parent(system: ActorSystem) -> None:
    ref = await system.actor(Parent, kind=Escalating)
    before = await ref.ask(0)
    await before.send(Crash())
    await settle()
    assert await ref.ask(0) != before
    assert await ref.ask("start") == [1, 1, 1]
