"""The tree: names, lookup, and which actors a context may stop."""

import asyncio

import pytest
from casty import ActorContext, ActorRef, ActorStopped, ActorSystem, Behaviors
from casty.errors import ActorNameError, ActorStoppedError, ScopeError
from casty.runtime.children import stop_children
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Ctx, Events, Family, does, nothing


@pytest.mark.parametrize("name", ["", "a/b", "/", "a\n", "\x00", "x" * 256])
async def test_an_illegal_name_is_refused(system: ActorSystem, name: str) -> None:
    with pytest.raises(ActorNameError, match="cannot name an actor"):
        system.spawn(Behaviors.receive(nothing), name)


async def test_a_name_is_unique_among_living_siblings(system: ActorSystem) -> None:
    ref = system.spawn(does(lambda ctx, message: None), "a")
    with pytest.raises(ActorNameError, match="/a "):
        system.spawn(Behaviors.receive(nothing), "a")
    ref.tell("stop")
    await settle()
    again = system.spawn(Behaviors.receive(nothing), "a")
    assert again != ref
    assert again.address.path == ref.address.path


async def test_names_are_generated_where_none_is_given(system: ActorSystem) -> None:
    refs = [system.spawn(Behaviors.receive(nothing)) for _ in range(100)]
    assert len({ref.address.path for ref in refs}) == 100


async def test_lookup_finds_the_identical_reference(system: ActorSystem) -> None:
    family = await Family(system, does(lambda ctx, message: None)).started()
    assert system.lookup("/parent") is family.parent
    assert system.lookup("/parent/child-0") is family.children[0]


@pytest.mark.parametrize("path", ["/", "", "/b", "/parent/x", "/parent/child-0/x"])
async def test_lookup_finds_nothing_else(system: ActorSystem, path: str) -> None:
    await Family(system, does(lambda ctx, message: None)).started()
    assert system.lookup(path) is None


async def test_a_stopped_actor_is_not_found(system: ActorSystem) -> None:
    ref = system.spawn(does(lambda ctx, message: None), "a")
    ref.tell("stop")
    await settle()
    assert system.lookup("/a") is None


async def test_children_are_listed_in_the_order_of_their_start(system: ActorSystem) -> None:
    probe = TestProbe[list[ActorRef[str]]](system)

    def action(ctx: Ctx, message: str) -> None:
        ctx.message_adapter(str.upper)
        probe.ref.tell(list(ctx.children))

    idler = does(lambda ctx, message: None)
    family = await Family(system, idler, idler, action=action).started()
    family.parent.tell("list")
    assert await probe.receive() == family.children


async def test_children_stop_before_their_parent(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    family = await Family(system, does(lambda ctx, message: None)).started()
    family.parent.tell("stop")
    await settle()
    assert [event.ref for event in stopped.seen] == [family.children[0], family.parent]


async def test_a_parent_may_stop_a_child_and_itself_but_no_other_actor(system: ActorSystem) -> None:
    stopped, probe = Events(system, ActorStopped), TestProbe[str](system)
    stranger = system.spawn(Behaviors.receive(nothing))

    def action(ctx: Ctx, message: str) -> None:
        with pytest.raises(ValueError, match="may stop its children and itself"):
            ctx.stop(stranger)
        ctx.stop(ctx.children[0])
        ctx.stop(ctx.self)
        probe.ref.tell("done")

    family = await Family(system, does(lambda ctx, message: None), action=action).started()
    family.parent.tell("x")
    assert await probe.receive() == "done"
    await settle()
    assert [event.ref for event in stopped.seen] == [family.children[0], family.parent]


async def test_the_parent_of_a_root_actor_is_none(system: ActorSystem) -> None:
    probe = TestProbe[object](system)
    child = does(lambda ctx, message: probe.ref.tell(ctx.parent))
    family = await Family(system, child, action=lambda ctx, message: probe.ref.tell(ctx.parent)).started()
    family.parent.tell("x")
    assert await probe.receive() is None
    family.children[0].tell("x")
    assert await probe.receive() is family.parent


async def test_a_stopping_actor_takes_no_more_children(system: ActorSystem) -> None:
    probe = TestProbe[type[Exception]](system)

    async def post_stop(ctx: Ctx) -> None:
        try:
            ctx.spawn(Behaviors.receive(nothing))
        except ActorStoppedError as error:
            probe.ref.tell(type(error))

    ref = system.spawn(Behaviors.with_lifecycle(does(lambda ctx, message: None), post_stop=post_stop))
    ref.tell("stop")
    assert await probe.receive() is ActorStoppedError


async def test_a_clustered_behavior_names_what_it_needs(system: ActorSystem) -> None:
    idler = does(lambda ctx, message: None)
    for behavior in (
        Behaviors.broadcasted(idler),
        Behaviors.singleton(lambda: idler),
    ):
        with pytest.raises(ScopeError, match=r"ClusteredActorSystem.*pip install"):
            system.spawn(behavior)


@pytest.mark.parametrize("gives_up", [False, True])
async def test_several_may_wait_for_the_end_of_one_family(system: ActorSystem, gives_up: bool) -> None:
    """A shard is halted while its region stops."""
    may_end = asyncio.Event()

    async def end(_: ActorContext[str]) -> None:
        await may_end.wait()

    system.spawn(Behaviors.with_lifecycle(Behaviors.ignore(), post_stop=end), "child")
    root = system.kernel.root
    waiting = [asyncio.create_task(stop_children(root)) for _ in range(3)]
    await asyncio.sleep(0)
    if gives_up:
        waiting.pop().cancel()
        await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*waiting)
    assert system.spawn(Behaviors.ignore(), "child"), "there may be children again"
