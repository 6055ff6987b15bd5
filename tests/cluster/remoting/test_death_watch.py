"""Watching actors of another node (B22)."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorContext, ActorRef, Behavior, Behaviors, OneForOneStrategy, Terminated
from casty.errors import EncodeError, NodeLostError
from casty.member import NodeId
from casty.testing import TestProbe, settle
from casty_cluster.wire import codec
from casty_cluster.wire.system import Watch

from tests.cluster.remoting.pair import Side
from tests.cluster.remoting.test_messages import at

type Nodes = tuple[Side, Side]


@dataclass(frozen=True)
class Do:
    what: str


def worker() -> Behavior[Do]:
    async def receive(ctx: ActorContext[Do], message: Do) -> Behavior[Do]:
        if message.what == "raise":
            raise ValueError("I am broken")
        return Behaviors.stopped()

    return Behaviors.receive(receive)


def watcher(of: ActorRef[Any], told: ActorRef[Any]) -> Behavior[Any]:
    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        ctx.watch(of)

        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            if message == "unwatch":
                ctx.unwatch(of)
            elif message == "stop":
                return Behaviors.stopped()
            else:
                told.tell(message)
            return Behaviors.same()

        return Behaviors.receive(receive)

    return Behaviors.setup(setup)


async def test_the_end_of_an_actor_of_another_node_is_reported_with_its_reason(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    ref = at(here, there.system.spawn(worker(), "worker"))
    here.system.spawn(watcher(ref, probe.ref), "w1")
    here.system.spawn(watcher(ref, probe.ref), "w2")
    ref.tell(Do("raise"))
    first, second = await probe.expect_message(Terminated), await probe.expect_message(Terminated)
    assert first.ref == second.ref == ref
    assert "I am broken" in str(first.reason)


async def test_terminated_of_another_nodes_actor_may_overtake_what_it_had_told(nodes: Nodes) -> None:
    """Death watch goes by a lane of its own, which does not wait for messages."""
    here, there = nodes
    probe = TestProbe[Any](here.system)

    async def last_words(ctx: ActorContext[Do], message: Do) -> Behavior[Do]:
        at(there, probe.ref).tell("last words")
        return Behaviors.stopped()

    ref = at(here, there.system.spawn(Behaviors.receive(last_words), "worker"))
    here.system.spawn(watcher(ref, probe.ref), "watcher")
    await settle()
    ref.tell(Do("stop"))
    there.cable.is_slow = True
    await probe.expect_message(Terminated)
    there.cable.hurry()
    assert await probe.expect_message(str) == "last words"


async def test_an_actor_that_was_gone_before_the_watch_is_reported(nodes: Nodes) -> None:
    here, there = nodes
    actor = there.system.spawn(worker(), "worker")
    ref = at(here, actor)
    actor.tell(Do("stop"))
    await settle()
    probe = TestProbe[Terminated](here.system)
    here.system.spawn(watcher(ref, probe.ref))
    assert (await probe.expect_message(Terminated)).reason is None


async def test_a_living_actor_is_not_reported_whatever_is_lost_on_the_way(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    ref = at(here, there.system.spawn(worker(), "worker"))
    here.cable.cut = True
    here.system.spawn(watcher(ref, probe.ref))
    await settle()
    here.cable.cut = False
    await probe.expect_no_message(within=0.05)
    here.links.met(there.node)
    ref.tell(Do("stop"))
    assert (await probe.expect_message(Terminated)).ref == ref


async def test_an_end_that_the_network_lost_is_reported_after_it_is_back(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker(), "worker")
    here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    here.cable.cut = True
    actor.tell(Do("stop"))
    await probe.expect_no_message(within=0.05)
    here.cable.cut = False
    there.links.met(here.node)
    await probe.expect_message(Terminated)


async def test_a_lost_node_ends_its_actors(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    ref = at(here, there.system.spawn(worker(), "worker"))
    here.system.spawn(watcher(ref, probe.ref))
    await settle()
    here.knows()
    assert isinstance((await probe.expect_message(Terminated)).reason, NodeLostError)
    here.knows(NodeId(there.node.host, there.node.port, 999))
    await probe.expect_no_message(within=0.05)


async def test_an_actor_that_has_stopped_watching_is_not_notified(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker(), "worker")
    first = here.system.spawn(watcher(at(here, actor), probe.ref))
    second = here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    first.tell("unwatch")
    second.tell("stop")
    await settle()
    actor.tell(Do("stop"))
    await probe.expect_no_message(within=0.05)


async def test_a_node_forgets_the_watchers_on_a_lost_one(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker(), "worker")
    here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    there.knows()
    actor.tell(Do("stop"))
    await probe.expect_no_message(within=0.05)


async def test_the_watch_of_a_newcomer_counts_once_it_is_known_here(nodes: Nodes) -> None:
    """What happens to other members meanwhile must not make this node forget it."""
    here, there = nodes
    there.knows()
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker(), "worker")
    here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    there.knows(NodeId("c", 3, 303))
    there.knows(NodeId("c", 3, 303), here.node)
    here.links.met(there.node)
    await settle()
    actor.tell(Do("stop"))
    await probe.expect_message(Terminated)


async def test_a_long_failure_is_reported_in_short_and_later_ends_are_as_well(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[Terminated](here.system)

    async def fail(ctx: ActorContext[Do], message: Do) -> Behavior[Do]:
        raise ValueError("I hold " + "everything " * 100_000)

    first, second = there.system.spawn(Behaviors.receive(fail)), there.system.spawn(worker())
    here.system.spawn(watcher(at(here, first), probe.ref))
    here.system.spawn(watcher(at(here, second), probe.ref))
    await settle()
    first.tell(Do("fail"))
    assert "I hold everything" in str((await probe.expect_message(Terminated)).reason)
    second.tell(Do("stop"))
    assert (await probe.expect_message(Terminated)).ref == at(here, second)


async def test_a_message_that_is_too_large_is_refused_and_holds_up_no_other(nodes: Nodes) -> None:
    here, there = nodes
    with pytest.raises(EncodeError):
        here.links.send(there.node, Watch("/" + "x" * codec.MAX_BYTES, 0))
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker())
    here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    actor.tell(Do("stop"))
    await probe.expect_message(Terminated)


async def test_what_is_for_an_earlier_incarnation_is_not_taken_by_the_next_one(nodes: Nodes) -> None:
    """Its watches would count as that one's: they have the same numbers."""
    here, there = nodes
    probe = TestProbe[Terminated](here.system)
    actor = there.system.spawn(worker())
    earlier = NodeId(there.node.host, there.node.port, 201)
    here.knows(earlier)
    here.system.spawn(watcher(at(here, there.system.spawn(worker())), probe.ref))
    await settle()
    here.knows(there.node)
    assert isinstance((await probe.expect_message(Terminated)).reason, NodeLostError)
    here.system.spawn(watcher(at(here, actor), probe.ref))
    await settle()
    actor.tell(Do("stop"))
    assert (await probe.expect_message(Terminated)).ref == at(here, actor)


@pytest.mark.parametrize("end", ["unwatch", "restart", "renew"])
async def test_the_notice_of_another_nodes_actor_is_revoked_with_its_watch(nodes: Nodes, end: str) -> None:
    here, there = nodes
    ref = at(here, there.system.spawn(worker(), "worker"))
    got, gate = list[Any](), asyncio.Event()

    async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        if isinstance(message, Terminated):
            got.append(message)
            return Behaviors.same()
        ctx.watch(ref)
        await gate.wait()
        match message:
            case "unwatch":
                ctx.unwatch(ref)
            case "renew":
                ctx.watch(ref)
            case _:
                raise ValueError
        return Behaviors.same()

    actor = here.system.spawn(Behaviors.supervise(Behaviors.receive(receive), OneForOneStrategy()))
    actor.tell(end)
    await settle()
    ref.tell(Do("stop"))
    await settle()
    gate.set()
    await settle()
    assert len(got) == (end == "renew")
