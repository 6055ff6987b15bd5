"""Clients at a real node, by hand: what they may send is delivered and replied to, and the rest is dropped."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import pytest
from casty import ActorAddress, ActorContext, Behavior, Behaviors, DeadLetter
from casty.cluster import ClusteredActorSystem
from casty.extension import ASKS
from casty.member import NodeId
from casty.ref import DetachedRef
from casty.serialization import MsgpackSerializer
from casty.spi.transport import Lane
from casty_cluster.node import clients
from casty_cluster.wire import codec, frames
from casty_cluster.wire.bulk import Cancel
from casty_cluster.wire.client import Leaving
from casty_cluster.wire.copies import write_copy_frame
from casty_cluster.wire.entities import returned, write_flush, write_message, write_target
from casty_cluster.wire.forwarding import Flush, Flushed, Forwarded, Returned
from casty_cluster.wire.membership import Goodbye
from casty_cluster.wire.permissions import FRAMES_OF_CLIENTS
from casty_cluster.wire.replication import Epoch, Prepare
from casty_cluster.wire.system import Acknowledged
from casty_transport_tcp.framing import data_header

from tests.cluster.system.actors import Identify, answering
from tests.cluster.system.waiting import until
from tests.transport_tcp.strangers import Stranger

NAME: Final = "reports"
SERIALIZER: Final = MsgpackSerializer()


class Client:
    """Writes frames to one node, as a client would."""

    def __init__(self, connection: Stranger, system: str, name: str, uid: int) -> None:
        self._connection = connection
        self._system = system
        self.node = NodeId(name, 0, uid)
        self._asked = 0

    @classmethod
    @asynccontextmanager
    async def of(
        cls, system: ClusteredActorSystem, uid: int = 7, *, name: str = NAME, lane: Lane = Lane.user
    ) -> AsyncGenerator["Client"]:
        async with Stranger.at(system.self_node.address) as connection:
            client = cls(connection, system.name, name, uid)
            await connection.introduce(client.node, cluster=system.name, lane=lane)
            yield client

    def send(self, frame: bytes) -> None:
        self._connection.write(data_header(len(frame)) + frame)

    def tell(self, path: str, message: object) -> None:
        self.send(frames.tell(frames.write_target(path, 0, SERIALIZER.name), SERIALIZER.dumps(message)))

    async def ask_name(self, path: str) -> object:
        """Ask an actor for its name."""
        self._asked += 1
        address = ActorAddress(system=self._system, path=ASKS, host=self.node.host, port=0, uid=self._asked)
        body = SERIALIZER.dumps(Identify(DetachedRef[str](address)))
        return await self.asked(path, body)

    async def asked(self, path: str, body: bytes) -> object:
        """The reply to an ask, or why there is none."""
        self.send(frames.ask(frames.write_target(path, 0, SERIALIZER.name), self._asked, 5.0, body))
        _, frame = await self._connection.frame()
        if frame[0] == frames.NO_ANSWER:
            return frames.read_no_answer(frame).reason
        answered = frames.read_answer(frame)
        assert answered.reply_uid == self._asked
        return SERIALIZER.loads(answered.body)


def collecting(messages: list[Any]) -> Behavior[Any]:
    async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        messages.append(message)
        return Behaviors.same()

    return Behaviors.receive(receive)


@asynccontextmanager
async def node() -> AsyncGenerator[ClusteredActorSystem]:
    async with ClusteredActorSystem(name="shop", host="127.0.0.1", port=0) as system:
        system.spawn(answering("worker"), "worker")
        yield system


async def test_a_client_asks_and_tells_actors_and_is_no_member() -> None:
    messages: list[Any] = []
    async with node() as system, Client.of(system) as client:
        system.spawn(collecting(messages), "inbox")
        assert await client.ask_name("/worker") == "worker"
        client.tell("/inbox", "hello")
        await until(lambda: messages == ["hello"])
        assert await client.ask_name("/absent") == "/absent cannot answer: no living actor has this address"
        assert system.members == (system.self_node,)


async def test_a_client_reaches_the_singleton_of_its_node() -> None:
    async with node() as system, Client.of(system) as client:
        system.spawn(Behaviors.singleton(lambda: answering("the one")), "single")
        assert await client.ask_name("/single") == "the one"


FOR_AN_ENTITY: Final = write_message(1, 1, 1, 0, 0.0, write_target("accounts", "alice", "msgpack"), b"\1")
FORBIDDEN: Final = {
    "membership": codec.encode(frames.MEMBERSHIP, Goodbye(1)),
    "detector": bytes((frames.DETECTOR,)) + b"phi?" + bytes(12),
    "system": codec.encode(frames.SYSTEM, Acknowledged(1, 1)),
    "bulk transfer": codec.encode(frames.BULK, Cancel(1, 1)),
    "answer": frames.answer(1, b"msgpack", SERIALIZER.dumps("forged")),
    "no answer": frames.no_answer(1, 0, "forged"),
    "message for an entity": write_message(1, 1, 1, 0, 0.0, write_target("accounts", "alice", "msgpack"), b"\1"),
    "returned message for an entity": returned(
        1, write_message(1, 1, 1, 0, 0.0, write_target("a", "b", "msgpack"), b"\1")
    ),
    "flush of a shard": write_flush(frames.SHARD_FLUSH, 1, 1, 1, "accounts"),
    "reply to the flush of a shard": write_flush(frames.SHARD_FLUSHED, 1, 1, 1, "accounts"),
    "message between copies": write_copy_frame("accounts", 1, "mine", "primary", Prepare(Epoch(1, 1))),
    "unknown": b"\x63newer",
    "client: unknown message": bytes((frames.CLIENT,)) + b"\x81",
    "client: a message of nodes to clients": codec.encode(frames.CLIENT, Leaving()),
    "headers around a forbidden frame": frames.with_headers({"a": b"b"}, codec.encode(frames.MEMBERSHIP, Goodbye(1))),
    "damaged headers": b"\5\0",
}


def test_every_kind_of_frame_that_is_forbidden_is_tried() -> None:
    assert {frame[0] for frame in FORBIDDEN.values()} >= frames.KINDS.keys() - FRAMES_OF_CLIENTS


async def test_what_a_client_may_not_send_is_dropped_and_logged_once_for_each_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="casty.cluster")
    async with node() as system:
        for uid in (7, 8):
            async with Client.of(system, uid) as client:
                for frame in FORBIDDEN.values():
                    client.send(frame)
                assert await client.ask_name("/worker") == "worker"  # the connection goes on
        assert system.members == (system.self_node,)
    assert [record.getMessage() for record in caplog.records if record.name == "casty.cluster"] == [
        f"a frame of the client {NodeId(NAME, 0, uid)} is dropped, and further ones will be without a word: "
        "a client may not send a frame of kind 1 (membership)"
        for uid in (7, 8)
    ]


async def test_on_the_control_lane_a_client_may_not_send_more(caplog: pytest.LogCaptureFixture) -> None:
    async with node() as system, Client.of(system, lane=Lane.control) as client:
        client.send(FORBIDDEN["membership"])
        await until(lambda: "a client may not send a frame of kind 1" in caplog.text)
        assert system.members == (system.self_node,)


@pytest.mark.parametrize("message", [Flush(1, "127.0.0.1", 9, 1), Flushed(1), Forwarded("x", 0), Returned("x", 0)])
async def test_messages_between_nodes_in_tells_and_asks_are_refused(message: object) -> None:
    messages: list[Any] = []
    async with node() as system, Client.of(system) as client:
        system.spawn(collecting(messages), "inbox")
        lost: list[DeadLetter] = []
        system.event_stream.subscribe(DeadLetter, lost.append)
        refusal = f"a client may not send a {type(message).__name__}, which nodes send each other"
        assert await client.asked("/inbox", SERIALIZER.dumps(message)) == refusal
        client.tell("/inbox", message)
        client.tell("/absent", message)
        client.tell("/inbox", "allowed")
        await until(lambda: messages == ["allowed"])
        assert lost == []


async def test_an_actor_of_castys_own_takes_no_messages_of_clients() -> None:
    async with node() as system, Client.of(system) as client:
        assert await client.ask_name("/_receptionist") == (
            f"{system.self_node.address} refuses a client: /_receptionist is internal to Casty and takes no messages "
            "of clients"
        )


async def test_a_reply_for_a_client_that_has_gone_is_a_dead_letter(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="casty.cluster")
    kept: list[Any] = []
    async with node() as system:
        system.spawn(collecting(kept), "inbox")
        lost: list[DeadLetter] = []
        system.event_stream.subscribe(DeadLetter, lost.append)
        async with Client.of(system) as client:
            address = ActorAddress(system=system.name, path=ASKS, host=NAME, port=0, uid=1)
            client.tell("/inbox", Identify(DetachedRef[str](address)))
            await until(lambda: bool(kept))
        await until(lambda: "no connection to the client reports" in caplog.text)
        kept[0].reply_to.tell("too late")
        await until(lambda: bool(lost))
        assert lost[0].reason == f"the client {NAME} is not connected to this node"


async def test_of_many_clients_a_bounded_number_is_remembered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clients, "REMEMBERED", 2)
    async with node() as system:
        for uid in (1, 2, 3, 1, 3):
            async with Client.of(system, uid, name=f"reports-{uid}") as client:
                client.send(FORBIDDEN["membership"])
                assert await client.ask_name("/worker") == "worker"
    reported = [record.args for record in caplog.records if "is dropped" in record.getMessage()]
    assert [str(client) for client, _ in cast(list[tuple[object, object]], reported)] == [
        str(NodeId(f"reports-{uid}", 0, uid)) for uid in (1, 2, 3, 1)
    ]
