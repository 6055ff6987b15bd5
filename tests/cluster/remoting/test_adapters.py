"""Message adapters that are known to other nodes."""

import asyncio
import gc

import pytest
from casty import ActorContext, ActorFailedError, ActorRef, ActorSystem, Behavior, Behaviors, Terminated
from casty.testing import TestProbe, settle

from tests.cluster.remoting.pair import Side

type Nodes = tuple[Side, Side]


def at(side: Side, ref: ActorRef[int]) -> ActorRef[int]:
    """The reference as it arrives on that node."""
    return side.system.resolve(ref.address)


async def owner(system: ActorSystem, probe: TestProbe[str]) -> tuple[ActorRef[str], list[ActorRef[int]]]:
    """An actor that passes its messages on, and an adapter of it."""
    adapters: list[ActorRef[int]] = []

    async def receive(ctx: ActorContext[str], message: str) -> Behavior[str]:
        match message:
            case "adapt":
                adapters.append(ctx.message_adapter(lambda number: f"number {number}"))
            case "stop":
                return Behaviors.stopped()
            case _:
                probe.ref.tell(message)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(receive), "owner")
    ref.tell("adapt")
    await settle()
    return ref, adapters


async def test_an_adapter_receives_messages_from_another_node(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[str](there.system)
    _, adapters = await owner(there.system, probe)
    afar = at(here, adapters.pop())
    gc.collect()  # only the other node still knows it
    afar.tell(1)
    assert await probe.expect_message(str) == "number 1"


async def test_an_adapter_is_asked_from_another_node(nodes: Nodes) -> None:
    here, there = nodes
    replies: list[ActorRef[str]] = []

    async def receive(ctx: ActorContext[str], message: str) -> Behavior[str]:
        if message == "adapt":
            adapters.append(ctx.message_adapter(lambda reply_to: replies.append(reply_to) or "asked"))
        else:
            replies.pop().tell("reply")
        return Behaviors.same()

    adapters: list[ActorRef[ActorRef[str]]] = []
    there.system.spawn(Behaviors.receive(receive), "owner").tell("adapt")
    await settle()
    afar: ActorRef[ActorRef[str]] = here.system.resolve(adapters[0].address)
    async with asyncio.timeout(60.0):
        assert await here.system.ask(afar, lambda reply_to: reply_to) == "reply"


async def test_an_ask_of_another_nodes_adapter_fails_with_its_owner(nodes: Nodes) -> None:
    here, there = nodes

    async def receive(ctx: ActorContext[str], message: str) -> Behavior[str]:
        if message == "adapt":
            adapters.append(ctx.message_adapter(lambda reply_to: "asked"))
            return Behaviors.same()
        raise ValueError(message)

    adapters: list[ActorRef[ActorRef[str]]] = []
    there.system.spawn(Behaviors.receive(receive), "owner").tell("adapt")
    await settle()
    afar: ActorRef[ActorRef[str]] = here.system.resolve(adapters[0].address)
    with pytest.raises(ActorFailedError, match="failed on str: ValueError"):
        await here.system.ask(afar, lambda reply_to: reply_to, timeout=30.0)


async def test_an_adapter_is_watched_from_another_node(nodes: Nodes) -> None:
    here, there = nodes
    ref, adapters = await owner(there.system, TestProbe[str](there.system))
    watcher = TestProbe[Terminated](here.system)
    afar = at(here, adapters[0])
    watcher.watch(afar)
    await settle()
    await watcher.expect_no_message()
    ref.tell("stop")
    assert (await watcher.expect_terminated(afar)).ref == afar
