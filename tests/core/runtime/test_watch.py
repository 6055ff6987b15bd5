"""Death watch."""

import asyncio
from collections.abc import Callable

from casty import ActorRef, ActorSystem, Behavior, Behaviors, Mailbox, OneForOneStrategy, Terminated
from casty.runtime.ask import PromiseRef
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Family, begins, does, fails


class Watcher:
    """An actor that forwards its messages, `Terminated` included, and runs `action` when it starts."""

    def __init__(self, system: ActorSystem, action: Callable[[Ctx], object]) -> None:
        self.probe = TestProbe[object](system)

        def start(ctx: Ctx) -> Behavior[str]:
            action(ctx)
            return does(lambda ctx, message: self.probe.ref.tell(message))

        self.ref = system.spawn(begins(start))


def idler() -> Behavior[str]:
    return does(lambda ctx, message: None)


async def test_terminated_comes_when_the_watched_actor_stops(system: ActorSystem) -> None:
    ref = system.spawn(idler())
    watcher = Watcher(system, lambda ctx: ctx.watch(ref))
    assert await watcher.probe.receive_all() == []
    ref.tell("stop")
    assert await watcher.probe.receive() == Terminated(ref)


async def test_terminated_names_the_failure(system: ActorSystem) -> None:
    ref = system.spawn(does(fails))
    watcher = Watcher(system, lambda ctx: ctx.watch(ref))
    await settle()
    ref.tell("x")
    told = await watcher.probe.receive()
    assert isinstance(told, Terminated)
    assert isinstance(told.reason, Boom)


async def test_watching_a_dead_actor_is_answered_at_once(system: ActorSystem) -> None:
    ref = system.spawn(idler())
    ref.tell("stop")
    await settle()
    watcher = Watcher(system, lambda ctx: ctx.watch(ref))
    assert await watcher.probe.receive() == Terminated(ref)


async def test_a_live_actor_is_never_reported_terminated(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.supervise(does(fails), OneForOneStrategy()))
    watcher = Watcher(system, lambda ctx: ctx.watch(ref))
    await settle()
    ref.tell("x")
    assert await watcher.probe.receive_all() == []


async def test_watch_with_tells_a_message_of_ones_own(system: ActorSystem) -> None:
    ref = system.spawn(idler())
    watcher = Watcher(system, lambda ctx: ctx.watch_with(ref, "gone"))
    await settle()
    ref.tell("stop")
    assert await watcher.probe.receive() == "gone"


async def test_a_second_watch_replaces_the_first(system: ActorSystem) -> None:
    ref = system.spawn(idler())

    def twice(ctx: Ctx) -> None:
        ctx.watch(ref)
        ctx.watch_with(ref, "gone")

    watcher = Watcher(system, twice)
    await settle()
    ref.tell("stop")
    assert await watcher.probe.receive() == "gone"
    assert await watcher.probe.receive_all() == []


async def test_unwatch_ends_a_watch(system: ActorSystem) -> None:
    ref = system.spawn(idler())

    def action(ctx: Ctx) -> None:
        ctx.watch(ref)
        ctx.unwatch(ref)

    watcher = Watcher(system, action)
    await settle()
    ref.tell("stop")
    assert await watcher.probe.receive_all() == []


async def test_terminated_follows_what_the_child_had_told(system: ActorSystem) -> None:
    probe = TestProbe[object](system)

    def child(ctx: Ctx, message: str) -> Behavior[str]:
        assert ctx.parent is not None
        for number in range(3):
            ctx.parent.tell(str(number))
        return Behaviors.stopped()

    def start(ctx: Ctx) -> Behavior[str]:
        ref = ctx.spawn(does(child))
        ctx.watch_with(ref, "gone")
        ref.tell("x")
        return does(lambda ctx, message: probe.ref.tell(message))

    system.spawn(begins(start))
    assert await probe.receive_n(4) == ["0", "1", "2", "gone"]


async def test_watching_oneself_does_no_harm(system: ActorSystem) -> None:
    watcher = Watcher(system, lambda ctx: ctx.watch(ctx.self))
    other = Watcher(system, lambda ctx: ctx.watch(watcher.ref))
    await settle()
    watcher.ref.tell("stop")
    assert await other.probe.receive() == Terminated(watcher.ref)


async def test_an_adapter_is_terminated_with_its_owner(system: ActorSystem) -> None:
    adapters: list[ActorRef[str]] = []
    owner = Watcher(system, lambda ctx: adapters.append(ctx.message_adapter(str.upper)))
    await settle()
    watcher = Watcher(system, lambda ctx: ctx.watch(adapters[0]))
    assert await watcher.probe.receive_all() == []
    owner.ref.tell("stop")
    assert await watcher.probe.receive() == Terminated(adapters[0])


async def test_a_reply_reference_can_be_watched(system: ActorSystem) -> None:
    promise = PromiseRef[str](system.kernel.asks, asyncio.get_running_loop().create_future())
    watcher = Watcher(system, lambda ctx: ctx.watch(promise))
    assert await watcher.probe.receive() == Terminated(promise)


async def test_a_restart_clears_the_watches_of_an_actor(system: ActorSystem) -> None:
    probe, ref = TestProbe[object](system), system.spawn(idler())

    def action(ctx: Ctx, message: object) -> object:
        if message == "watch":
            ctx.watch(ref)
        elif message == "again":
            return Behaviors.restart()
        else:
            probe.ref.tell(message)
        return None

    watcher = system.spawn(does(action))
    watcher.tell("watch")
    watcher.tell("again")
    await settle()
    ref.tell("stop")
    assert await probe.receive_all() == []


async def test_a_full_mailbox_still_takes_terminated(system: ActorSystem) -> None:
    gate, probe, ref = asyncio.Event(), TestProbe[object](system), system.spawn(idler())

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        if message == "watch":
            ctx.watch(ref)
            await gate.wait()
        probe.ref.tell(message)
        return Behaviors.same()

    watcher = system.spawn(Behaviors.receive(handler), mailbox=Mailbox(capacity=1))
    watcher.tell("watch")
    await settle()
    watcher.tell("x")
    watcher.tell("dropped")
    ref.tell("stop")
    await settle()
    gate.set()
    assert await probe.receive_n(3) == ["watch", "x", Terminated(ref)]


async def test_siblings_see_each_other_stop(system: ActorSystem) -> None:
    family = await Family(system, idler(), idler()).started()
    watcher = Watcher(system, lambda ctx: [ctx.watch(child) for child in family.children])
    await settle()
    family.parent.tell("stop")
    assert {told.ref for told in await watcher.probe.receive_n(2) if isinstance(told, Terminated)} == set(
        family.children
    )
