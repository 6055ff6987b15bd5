"""A cluster in which some nodes run the next version: it sends what the others do not know, and all work together."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from casty import ActorContext, Behavior, Behaviors, Terminated, UnreachableMember
from casty.address import PeerAddress
from casty.cluster import ClusteredActorSystem
from casty.serialization import MsgpackSerializer
from casty.spi.transport import Lane, Versions
from casty_cluster.node import endpoint
from casty_cluster.wire import codec, frames
from casty_cluster.wire.membership import Goodbye
from casty_cluster.wire.system import Numbered, Watch

from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until

NEXT: Final = Versions(1, 2)
SERIALIZER: Final = MsgpackSerializer()


@asynccontextmanager
async def started(
    monkeypatch: pytest.MonkeyPatch, *seeds: PeerAddress, versions: Versions | None = None
) -> AsyncGenerator[ClusteredActorSystem]:
    """A node, of the next version if so wanted, once it is up."""
    with monkeypatch.context() as patch:
        if versions is not None:
            patch.setattr(endpoint, "VERSIONS", versions)
        system = ClusteredActorSystem(
            name="shop", host="127.0.0.1", port=0, seed_nodes=list(seeds), required_quorum=len(seeds) + 1
        )
        await system.__aenter__()
    try:
        system.spawn(answering(str(versions)), "worker")
        yield system
    finally:
        await system.__aexit__(None, None, None)


def say(sender: ClusteredActorSystem, to: ClusteredActorSystem, lane: Lane, frame: bytes) -> None:
    """Have a node send a frame that its own version would not."""
    listening = sender.node._listening
    assert listening is not None
    assert listening.outlet.send(to.self_node.address, frame, lane) is None


def newer_dumps(message: object, dumps: Callable[[object], bytes] = codec.dumps) -> bytes:
    """A message of the next version in place of a `Watch`."""
    return dumps(message).replace(b"casty.system.Watch", b"casty.system.Wotch")


def what_is_newer(to: ClusteredActorSystem) -> list[tuple[Lane, bytes]]:
    """Kinds of frames, messages and fields that no node of this version knows."""
    goodbye = codec.encode(frames.MEMBERSHIP, Goodbye(1))
    watch = newer_dumps(Watch("/worker", 0))
    inbox = frames.write_target("/inbox", 0, SERIALIZER.name)
    return [
        (Lane.control, b"\x0cnewer"),
        (Lane.user, b"\x63newer"),
        (Lane.control, goodbye.replace(b"Goodbye", b"Goodbyy")),
        (Lane.control, codec.encode(frames.SYSTEM, Numbered(to.self_node.node.uid, 1, watch))),
        (Lane.user, frames.with_headers({"newer": b"x"}, frames.tell(inbox, SERIALIZER.dumps("traced")))),
        (Lane.control, frames.with_headers({"newer": b"x"}, b"\x0cnewer")),
    ]


def watching(watched: Any, ended: list[Any]) -> Behavior[Any]:
    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        ctx.watch(watched)

        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            if isinstance(message, Terminated):
                ended.append(message)
            return Behaviors.same()

        return Behaviors.receive(receive)

    return Behaviors.setup(setup)


def inbox(messages: list[Any]) -> Behavior[Any]:
    async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        messages.append(message)
        return Behaviors.same()

    return Behaviors.receive(receive)


async def test_nodes_of_two_versions_are_one_cluster(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="casty")
    traced: list[Any] = []
    unreachable: list[UnreachableMember] = []
    async with started(monkeypatch) as old, started(monkeypatch, old.self_node.address, versions=NEXT) as newer:
        old.event_stream.subscribe(UnreachableMember, unreachable.append)
        old.spawn(inbox(traced), "inbox")
        for _ in range(20):
            for lane, frame in what_is_newer(old):
                say(newer, old, lane, frame)
        await until(lambda: traced == ["traced"] * 20)
        for one, other in ((old, newer), (newer, old)):
            far = one.lookup("/worker", node=other.self_node.node)
            assert far is not None
            assert isinstance(await one.ask(far, Identify), str)
        assert unreachable == []
        assert {member.node for member in old.members} == {old.self_node.node, newer.self_node.node}
    lines = [record.getMessage() for record in caplog.records]
    for text in ("unknown frame kind 12", "unknown frame kind 99", "unknown message casty.cluster.Goodbyy"):
        assert sum(text in line for line in lines) in range(1, 6), (text, lines)


async def test_a_system_link_goes_on_behind_a_message_of_the_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Any] = []
    async with started(monkeypatch) as old, started(monkeypatch, old.self_node.address, versions=NEXT) as newer:
        with monkeypatch.context() as patch:
            patch.setattr(codec, "dumps", newer_dumps)
            newer.node.links.send(old.self_node.node, Watch("/worker", 0))
        worker = newer.lookup("/worker", node=old.self_node.node)
        assert worker is not None
        newer.spawn(watching(worker, ended), "watching")
        await newer.ask(worker, Identify)
        worker.tell(Do("stop"))
        await until(lambda: bool(ended))


async def test_each_node_is_replaced_by_one_of_the_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(monkeypatch, versions=NEXT) as first:
        async with started(monkeypatch, first.self_node.address) as old:
            assert len(old.members) == 2
        await until(lambda: len(first.members) == 1)
        async with started(monkeypatch, first.self_node.address, versions=NEXT) as second:
            far = second.lookup("/worker", node=first.self_node.node)
            assert far is not None
            assert await second.ask(far, Identify) == str(NEXT)
