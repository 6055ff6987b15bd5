"""Snapshots of the tree of living actors."""

import asyncio
from dataclasses import FrozenInstanceError

import pytest
from casty import (
    ActorRef,
    ActorSnapshot,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    Mailbox,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    SystemSnapshot,
)
from casty.runtime.snapshot import LIMIT
from casty.testing import settle

from tests.core.runtime.probe import Ctx, begins, does, fails


class Gates:
    """Actors that wait for one gate."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self.gate = asyncio.Event()

    async def handle(self, _ctx: Ctx, _message: str) -> Behavior[str]:
        await self.gate.wait()
        return Behaviors.same()

    def waiting(self, name: str, messages: int = 1, mailbox: Mailbox | None = None) -> ActorRef[str]:
        ref = self._system.spawn(Behaviors.receive(self.handle), name, mailbox=mailbox)
        for _ in range(messages):
            ref.tell("x")
        return ref


def found(snapshot: SystemSnapshot, path: str) -> ActorSnapshot:
    todo = list(snapshot.actors)
    while todo:
        actor = todo.pop()
        if actor.path == path:
            return actor
        todo += actor.children
    raise AssertionError(f"{path} is not in {snapshot}")


async def test_an_idle_actor_and_its_children(system: ActorSystem) -> None:
    system.spawn(begins(lambda ctx: does(lambda c, m: ctx.spawn(Behaviors.ignore(), m))), "parent").tell("child")
    await settle()
    snapshot = system.snapshot()
    child = ActorSnapshot(path="/parent/child", state="idle")
    assert snapshot.actors == (ActorSnapshot(path="/parent", state="idle", children=(child,)),)
    assert (snapshot.system, snapshot.node, snapshot.left_out) == (system.name, None, 0)
    with pytest.raises(FrozenInstanceError):
        snapshot.left_out = 1  # pyright: ignore[reportAttributeAccessIssue]  # that is what is tested


async def test_a_suspended_actor_says_in_what_for_how_long_and_where(system: ActorSystem) -> None:
    gates = Gates(system)
    gates.waiting("busy", 3)
    await settle()
    busy = found(system.snapshot(), "/busy")
    assert (busy.state, busy.handling, busy.mailbox) == ("suspended", "str", 2)
    assert busy.seconds is not None
    assert 0 <= busy.seconds < 60
    line = Gates.handle.__code__.co_firstlineno + 1
    assert busy.at == f"{__file__}:{line} in Gates.handle"
    assert f"/busy  suspended handling str for {busy.seconds:.1f} s at {busy.at} [2 messages wait]" in str(
        system.snapshot()
    )
    gates.gate.set()


async def test_an_actor_may_inspect_itself_and_the_asking_actor(system: ActorSystem) -> None:
    taken: list[SystemSnapshot] = []

    async def asks(ctx: Ctx, _message: str) -> Behavior[str]:
        await ctx.system.ask_or_none(looks, lambda reply_to: "x", timeout=0.01)
        return Behaviors.same()

    looks = system.spawn(does(lambda ctx, message: taken.append(ctx.system.snapshot())), "looks")
    asker = system.spawn(Behaviors.receive(asks), "asks")
    asker.tell("x")
    await settle()
    assert found(taken[0], "/looks").state == "running"
    assert (found(taken[0], "/asks").state, found(taken[0], "/asks").handling) == ("running", "str")
    assert found(taken[0], "/asks").at is None
    await system.shutdown()


async def test_an_actor_that_waits_for_its_turn_is_ready(system: ActorSystem) -> None:
    system.spawn(does(lambda ctx, message: None), "next").tell("x")
    next_one = found(system.snapshot(), "/next")
    assert (next_one.state, next_one.mailbox, next_one.handling) == ("ready", 1, None)


async def test_a_paused_actor_says_why(system: ActorSystem) -> None:
    waits_long = OneForOneStrategy(backoff=Backoff(initial=3600.0, maximum=3600.0))
    system.spawn(Behaviors.supervise(does(fails), waits_long), "paused").tell("x")
    await settle()
    paused = found(system.snapshot(), "/paused")
    assert paused.state == "paused"
    assert paused.because is not None
    assert "restart" in paused.because
    assert f"/paused  paused because {paused.because}" in str(system.snapshot())


async def test_starting_and_stopping_actors_say_so(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def setup(_ctx: Ctx) -> Behavior[str]:
        await gate.wait()
        return Behaviors.ignore()

    async def hook(_ctx: Ctx) -> None:
        await gate.wait()

    system.spawn(Behaviors.setup(setup), "starting")
    system.spawn(Behaviors.with_lifecycle(Behaviors.stopped(), post_stop=hook), "stopping")
    await settle()
    snapshot = system.snapshot()
    assert [(actor.path, actor.state, actor.handling) for actor in snapshot.actors] == [
        ("/starting", "starting", None),
        ("/stopping", "stopping", None),
    ]
    gate.set()


async def test_callers_that_wait_in_offer_are_counted(system: ActorSystem) -> None:
    gates = Gates(system)
    ref = gates.waiting("full", 0, Mailbox(1, MailboxOverflowStrategy.backpressure))
    for _ in range(2):
        ref.tell("x")
        await settle()
    offers = [asyncio.ensure_future(ref.offer("x")) for _ in range(3)]
    await settle()
    assert found(system.snapshot(), "/full").callers == 3
    gates.gate.set()
    await asyncio.gather(*offers)
    assert found(system.snapshot(), "/full").callers == 0


async def test_a_snapshot_is_bounded_and_says_what_it_leaves_out(system: ActorSystem) -> None:
    for number in range(10):
        system.spawn(Behaviors.ignore(), f"{number}")
    snapshot = system.snapshot(limit=3)
    assert (len(snapshot.actors), snapshot.left_out) == (3, 7)
    assert "(7 more actors, and their children, are left out)" in str(snapshot)
    with pytest.raises(ValueError, match="at least one actor, not 0"):
        system.snapshot(limit=0)


async def test_busy_actors_come_before_idle_ones_with_those_above_them(system: ActorSystem) -> None:
    gates = Gates(system)
    for number in range(LIMIT):
        system.spawn(Behaviors.ignore(), f"idle-{number}")
    system.spawn(
        begins(lambda ctx: does(lambda c, m: c.spawn(Behaviors.receive(gates.handle), "busy").tell("x"))), "deep"
    ).tell("x")
    await settle()
    snapshot = system.snapshot(limit=2)
    assert [actor.path for actor in snapshot.actors] == ["/deep"]
    assert [child.path for child in snapshot.actors[0].children] == ["/deep/busy"]
    assert snapshot.left_out == LIMIT
    gates.gate.set()


async def test_a_tree_deeper_than_pythons_stack(system: ActorSystem) -> None:
    depth = 3_000

    def nest(ctx: Ctx, message: str) -> None:
        if message != "0":
            ctx.spawn(does(nest), "n").tell(str(int(message) - 1))

    system.spawn(does(nest), "n").tell(str(depth))
    while str(system.snapshot(limit=2 * depth)).count("\n") != depth + 1:
        await settle()
    assert system.snapshot(limit=10).actors[0].path == "/n"


async def test_driver_tasks_are_named_while_they_are_suspended(system: ActorSystem) -> None:
    gates = Gates(system)
    gates.waiting("busy")
    names: list[str] = []

    async def names_itself(_ctx: Ctx, _message: str) -> Behavior[str]:
        task = asyncio.current_task()
        assert task is not None
        names.append(task.get_name())
        return Behaviors.same()

    system.spawn(Behaviors.receive(names_itself), "named").tell("x")
    await settle()
    assert "casty:/busy str" in {task.get_name() for task in asyncio.all_tasks()}
    assert "casty:/busy str" in repr(asyncio.all_tasks())
    assert names == ["casty:/named str"]
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "casty:/busy str"]
    gates.gate.set()
    await settle()
    assert "casty:" not in tasks[0].get_name()
