"""What is wrong with a region, a message or a frame is refused or reported by name, and bounded."""

import asyncio
import logging
from typing import Any

import pytest
from casty import ActorFailedError, ActorNameError, ActorStoppedError, Behavior, Behaviors, DeadLetter, OverloadedError
from casty.errors import DecodeError
from casty.member import NodeId
from casty.serialization import MsgpackSerializer
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.node.driver import Driver
from casty_cluster.protocol.sharding.sender import CAPACITY
from casty_cluster.sharding.feature import Sharding
from casty_cluster.wire import frames
from casty_cluster.wire.entities import returned, write_flush, write_message, write_target
from casty_cluster.wire.sharding import Batch

from tests.cluster.sharding.accounts import Accounts, Deposit, GetBalance, Where
from tests.cluster.system.waiting import until

PEER = NodeId("10.9.9.9", 25520, 77)


def letters_of(node: ClusteredActorSystem) -> list[DeadLetter]:
    letters = list[DeadLetter]()
    node.event_stream.subscribe(DeadLetter, letters.append)
    return letters


def failing(_: str) -> Behavior[Any]:
    raise LookupError("no such account")


async def test_a_factory_that_raises_fails_the_ask_of_any_node_at_once() -> None:
    async with DevelopmentCluster(2) as (first, second):
        first.spawn(Behaviors.sharded(failing), "accounts")
        for node in (first, second):
            with pytest.raises((ActorFailedError, ActorStoppedError), match=r"LookupError|stopped"):
                await node.entity_ref("accounts", "alice").ask(GetBalance, timeout=30.0)


async def test_a_region_is_spawned_once_on_a_node() -> None:
    async with DevelopmentCluster(1) as (node,):
        accounts = Accounts()
        region = accounts.spawn(node)
        with pytest.raises(ActorNameError, match="there is an actor at /accounts already"):
            node.spawn(Behaviors.sharded(failing), "accounts")
        assert await region.entity("alice").ask(GetBalance) == 0


async def test_nodes_that_spawn_a_region_with_different_roles_are_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "casty.sharding")
    async with DevelopmentCluster(1) as cluster:
        other = await cluster.add_node(roles=["teller"])
        Accounts().spawn(cluster[0])
        Accounts().spawn(other, role="teller")
        await until(lambda: "spawn the region with the same role" in caplog.text)
        assert "node-2:49152" in caplog.text
        assert "has spawned the region with role='teller', and" in caplog.text


async def test_an_ask_of_a_region_that_no_node_has_says_so_when_its_time_is_over() -> None:
    async with DevelopmentCluster(1) as (node,):
        with pytest.raises(TimeoutError, match=r"no node has contacted it.*; spawn it on a node, or check the name"):
            await node.entity_ref("nowhere", "alice").ask(GetBalance, timeout=0.1)


async def test_an_ask_that_waits_for_a_role_that_no_node_has_says_what_to_look_at() -> None:
    async with DevelopmentCluster(2) as (first, second):
        region = Accounts().spawn(first, role="absent")
        refs = region.entity("alice"), second.entity_ref("accounts", "alice")
        known = [node.features.find(Sharding).regions["accounts"] for node in (first, second)]
        await until(lambda: all(of.pair and of.pair.region.sender._coordinator for of in known))
        for ref in refs:
            with pytest.raises(TimeoutError, match=r"no member runs the region \(look at its role\), or one has not"):
                await ref.ask(GetBalance, timeout=0.5)
        state = await second.shard_state("accounts")
        assert state.nodes == ()


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a look at ten thousand messages for each of them."""
    monkeypatch.setattr(Driver, "validates", False)


@pytest.mark.usefixtures("unchecked")
async def test_messages_for_a_region_that_no_node_has_are_bounded() -> None:
    async with DevelopmentCluster(1) as (node,):
        letters = letters_of(node)
        ref = node.entity_ref("nowhere", "alice")
        for _ in range(CAPACITY + 1):
            ref.tell(Deposit(1))
        assert len(letters) == 1
        assert letters[0].intended_ref == ref
        with pytest.raises(OverloadedError, match="the region nowhere is overloaded"):
            await ref.ask(GetBalance, timeout=30.0)
        accounts = Accounts()
        accounts.spawn(node, "nowhere")
        await until(lambda: bool(accounts.starts))
        assert await ref.ask(GetBalance, timeout=30.0) == CAPACITY


@pytest.mark.usefixtures("unchecked")
async def test_messages_for_a_region_whose_role_no_node_has_are_bounded() -> None:
    async with DevelopmentCluster(1) as (node,):
        letters = letters_of(node)
        ref = Accounts().spawn(node, role="absent").entity("alice")
        for _ in range(CAPACITY):
            ref.tell(Deposit(1))
        with pytest.raises(OverloadedError, match=r"10000 messages of .* bytes wait already for homes"):
            await ref.ask(GetBalance, timeout=30.0)
        assert len(letters) == 1


class Wire:
    """Frames of a stranger to one node, and what it is sent back."""

    def __init__(self, node: ClusteredActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lane = node.features.find(Sharding)._lane
        self.uid = node.self_node.node.uid
        self.sent = list[bytes]()
        monkeypatch.setattr(node.node, "send", lambda peer, frame: self.sent.append(frame))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    def message(
        self,
        *,
        to: int | None = None,
        region: str = "accounts",
        entity: str = "alice",
        epoch: int = 1,
        reply_uid: int = 0,
    ) -> bytes:
        body = MsgpackSerializer().dumps(Deposit(1))
        target = write_target(region, entity, "msgpack")
        return write_message(self.uid if to is None else to, 7, epoch, reply_uid, 5.0, target, body)


async def test_a_returned_message_that_cannot_be_sent_fails_no_ask_of_this_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have the uid of one: each node numbers its own."""
    async with DevelopmentCluster(1) as (node,):
        wire = Wire(node, monkeypatch)
        asked = asyncio.ensure_future(node.entity_ref("accounts", "alice").ask(GetBalance, timeout=30.0))
        flights = node.features.find(Sharding).regions["accounts"].flights._letters
        await until(lambda: bool(flights))
        [uid] = flights
        letters = letters_of(node)
        wire.lane.dropped(PEER.address, returned(PEER.uid, wire.message(reply_uid=uid)), "it is gone")
        wire.lane.dropped(PEER.address, returned(PEER.uid, wire.message(region="a/b")), "it is gone")
        assert [type(letter.message) for letter in letters] == [Deposit]
        Accounts().spawn(node)
        assert await asked == 0


async def test_a_message_that_is_not_accepted_goes_back_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as (node,):
        wire = Wire(node, monkeypatch)
        frame = wire.message()
        wire.lane.received(PEER, frame)
        assert wire.sent == [returned(PEER.uid, frame)]


async def test_a_message_for_an_earlier_incarnation_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node)
        assert await region.entity("alice").ask(GetBalance) == 0
        wire, letters = Wire(node, monkeypatch), letters_of(node)
        frame = wire.message(to=5, reply_uid=99)
        wire.lane.received(PEER, frame)
        assert wire.sent == [returned(PEER.uid, frame)]
        assert letters == []


async def test_a_flush_is_answered_by_every_node_but_only_in_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as (node,):
        wire = Wire(node, monkeypatch)
        wire.lane.received(PEER, write_flush(frames.SHARD_FLUSH, wire.uid, 7, 3, "accounts"))
        wire.lane.received(PEER, write_flush(frames.SHARD_FLUSH, 5, 7, 3, "accounts"))
        assert wire.sent == [write_flush(frames.SHARD_FLUSHED, PEER.uid, 7, 3, "accounts")]


@pytest.mark.parametrize("entity", ["", "a\0b", "x" * 10_000])
async def test_an_id_that_no_entity_can_have_is_refused_where_it_arrives(
    monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node, num_shards=8)
        for number in range(64):
            assert await region.entity(f"account-{number}").ask(Where) == "node-1"
        pair = node.features.find(Sharding).regions["accounts"]._pair
        assert pair is not None
        epoch = pair.region.owner.epoch_of(7)
        assert epoch is not None
        wire, letters = Wire(node, monkeypatch), letters_of(node)
        wire.lane.received(PEER, wire.message(entity=entity, epoch=epoch, reply_uid=99))
        assert frames.read_no_answer(wire.sent[0]).reply_uid == 99
        assert [letter.message for letter in letters] == [Deposit(1)]


async def test_a_late_bounce_is_a_dead_letter_and_fails_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node)
        assert await region.entity("alice").ask(GetBalance) == 0
        wire, letters = Wire(node, monkeypatch), letters_of(node)
        wire.lane.received(PEER, returned(wire.uid, wire.message()))
        wire.lane.received(PEER, returned(5, wire.message()))
        assert len(letters) == 2
        assert "returned it after this node had left that home" in letters[0].reason
        assert "an earlier incarnation of this node" in letters[1].reason


NO_NAMES = ["", "a/b", "_sharding", "a\0b"]


async def test_what_other_nodes_call_regions_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty_cluster.sharding.feature.MAX_REGIONS", 3)
    async with DevelopmentCluster(1) as (node,):
        Accounts().spawn(node)
        wire, sharding = Wire(node, monkeypatch), node.features.find(Sharding)
        for name in (*NO_NAMES, "b", "c", "d", "e"):
            frame = wire.message(region=name)
            wire.lane.received(PEER, frame)
            assert wire.sent.pop() == returned(PEER.uid, frame), "the sender may find the owner elsewhere"
        for number, name in enumerate(("f", *NO_NAMES)):
            wire.lane.received(PEER, write_flush(frames.SHARD_FLUSH, wire.uid, 7, number, name))
            assert wire.sent.pop() == write_flush(frames.SHARD_FLUSHED, PEER.uid, 7, number, name)
            wire.lane.received(PEER, write_flush(frames.SHARD_FLUSHED, wire.uid, 7, number, name))
            with pytest.raises(DecodeError, match="a region that this node does not take"):
                wire.lane.received(PEER, returned(wire.uid, wire.message(region=name)))
        assert {*sharding.regions} == {"accounts", "b", "c"}
        node.entity_ref("own", "alice")
        assert "own" in sharding.regions, "what this node's own code names is taken"


@pytest.mark.parametrize("name", [*NO_NAMES, "one too many"])
async def test_a_batch_about_a_region_that_is_not_taken_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty_cluster.sharding.feature.MAX_REGIONS", 1)
    async with DevelopmentCluster(1) as (node,):
        Accounts().spawn(node)
        sharding = node.features.find(Sharding)
        with pytest.raises(DecodeError, match="this node knows 1 of at most 1"):
            sharding._received(PEER, Batch(name, 5, ()))
        sharding._received(PEER, Batch("accounts", 5, ()))
        assert {*sharding.regions} == {"accounts"}


@pytest.mark.parametrize("num_shards", [-1, 0, 100_001, 2**60])
async def test_a_batch_with_a_number_of_shards_that_no_region_has_is_refused(num_shards: int) -> None:
    async with DevelopmentCluster(1) as (node,):
        sharding = node.features.find(Sharding)
        with pytest.raises(DecodeError, match=r"with -?[0-9]+ shards, not 1 to 100,000"):
            sharding._received(PEER, Batch("accounts", num_shards, ()))
        assert not sharding.regions
