"""Entities as clients use them: routed by the contact, wherever they run, in order also where nodes leave."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorContext, ActorRef, Behavior, Behaviors, Request, ShardEnvelope
from casty.cluster import ClusteredActorSystem, DevelopmentCluster
from casty.errors import ActorFailedError, ArgumentError, BehaviorError, ClientRefusedError, NodeLostError
from casty_cluster.sharding import feature

from tests.cluster.client.scene import allowing, at, kill
from tests.cluster.system.waiting import until

IDS = [f"account-{number}" for number in range(20)]


@dataclass(frozen=True)
class Add:
    number: int


@dataclass(frozen=True)
class Where(Request[str]):
    """Which node are you on?"""


@dataclass(frozen=True)
class Numbers(Request[list[int]]):
    """Which numbers have you been given?"""


@dataclass(frozen=True)
class Keep(Request[str]):
    """Reply later, if ever."""


@dataclass(frozen=True)
class Break(Request[str]):
    """Fail."""


@dataclass(frozen=True)
class Echo(Request["ActorRef[Message]"]):
    ref: "ActorRef[Message]"


type Message = Add | Where | Numbers | Keep | Break | Echo


class Ledger:
    """What entities have been given, on all nodes together: they forget it when they move."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = {}
        self.kept: list[Keep] = []

    def spawn(self, system: ClusteredActorSystem) -> None:
        name = system.self_node.node_id
        system.spawn(Behaviors.sharded(lambda entity_id: self._entity(name, entity_id), num_shards=10), "accounts")

    def _entity(self, node: str, entity_id: str) -> Behavior[Message]:
        numbers = self.numbers.setdefault(entity_id, [])

        async def receive(_: ActorContext[Message], message: Message) -> Behavior[Message]:
            match message:
                case Add(number):
                    numbers.append(number)
                case Where(reply_to=reply_to):
                    reply_to.tell(node)
                case Numbers(reply_to=reply_to):
                    reply_to.tell(list(numbers))
                case Echo(ref, reply_to=reply_to):
                    reply_to.tell(ref)
                case Keep():
                    self.kept.append(message)
                case Break():
                    raise ValueError(f"{entity_id} is broken")
            return Behaviors.same()

        return Behaviors.receive(receive)


@asynccontextmanager
async def bank(
    size: int, ledger: Ledger | None = None, *, hosts: int | None = None, **settings: Any
) -> AsyncGenerator[DevelopmentCluster]:
    """A cluster whose first `hosts` nodes have the region, or all."""
    ledger = ledger or Ledger()
    async with DevelopmentCluster(size, **settings) as nodes:
        for node in list(nodes)[: size if hosts is None else hosts]:
            ledger.spawn(node)
        yield nodes


async def test_a_client_reaches_entities_on_all_nodes() -> None:
    async with bank(3) as nodes, at(nodes, 1) as client:
        places = {await client.entity_ref("accounts", name).ask(Where()) for name in IDS}
        assert places == {"node-1", "node-2", "node-3"}


async def test_the_contact_need_not_have_the_region() -> None:
    async with bank(2, hosts=1) as nodes, at(nodes, 1) as client:
        assert await client.entity_ref("accounts", "alice").ask(Where()) == "node-1"


async def test_tells_and_asks_of_one_entity_keep_their_order() -> None:
    async with bank(2) as nodes, at(nodes, 1) as client:
        for name in IDS:
            alice = client.entity_ref("accounts", name)
            for number in range(10):
                alice.tell(Add(number))
            assert await alice.ask(Numbers()) == list(range(10))


async def test_an_entity_that_fails_fails_the_ask_at_once() -> None:
    async with bank(2) as nodes, at(nodes, 1) as client:
        for name in IDS[:6]:  # some of them run on the other node
            with pytest.raises(ActorFailedError, match=f"{name} is broken"):
                await client.entity_ref("accounts", name).ask(Break())


async def test_a_reference_to_an_entity_travels_both_ways_and_stays_equal() -> None:
    async with bank(2) as nodes, at(nodes, 1) as client:
        alice, bob = (client.entity_ref("accounts", name) for name in ("alice", "bob"))
        echoed = await alice.ask(Echo(bob))
        assert echoed == bob
        assert hash(echoed) == hash(bob)
        assert await echoed.ask(Where()) == await bob.ask(Where())
        assert echoed.address == nodes[0].entity_ref("accounts", "bob").address
        assert client.resolve(bob.address) == bob


async def test_an_envelope_reaches_an_entity_through_the_region_of_the_contact() -> None:
    ledger = Ledger()
    async with bank(2, ledger) as nodes, at(nodes, 1) as client:
        accounts = client.actor("/accounts")
        accounts.tell(ShardEnvelope("alice", Add(7)))
        assert await client.ask(accounts, lambda to: ShardEnvelope("alice", Numbers(reply_to=to))) == [7]


@pytest.mark.parametrize("name", ["ä" * 1_250, "%/_\x01" * 600, "_", "é", "e\u0301", "a/b", "x" * 2_500])
async def test_every_id_that_an_entity_can_have_can_be_used_by_a_client(name: str) -> None:
    ledger = Ledger()
    async with bank(2, ledger) as nodes, at(nodes, 1) as client:
        entity = client.entity_ref("accounts", name)
        entity.tell(Add(1))
        assert await entity.ask(Numbers()) == [1]
        assert list(ledger.numbers) == [name]


async def test_impossible_ids_and_regions_are_refused_by_name() -> None:
    async with bank(1) as nodes, nodes.client() as client:
        for wrong in ("", "a\0b", "x" * 2_501):
            with pytest.raises(BehaviorError):
                client.entity_ref("accounts", wrong)
        for region in ("", "/accounts", "_sharding"):
            with pytest.raises(ArgumentError, match="entity_ref takes the name of a region"):
                client.entity_ref(region, "alice")


async def test_an_entity_of_a_region_that_no_node_has_is_waited_for_within_the_timeout() -> None:
    async with bank(1) as nodes, nodes.client() as client:
        with pytest.raises(TimeoutError, match=r"did not answer Where within 0\.2 s"):
            await client.entity_ref("unknown", "alice").ask(Where(), timeout=0.2)


async def test_names_of_regions_that_a_client_makes_up_do_not_fill_the_memory_of_a_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feature, "MAX_REGIONS", 3)
    async with bank(1) as nodes, nodes.client() as client:
        for number in range(10):
            client.entity_ref(f"region-{number}", "alice").tell(Add(number))
        assert await client.entity_ref("accounts", "alice").ask(Where()) == "node-1"
        assert len(nodes[0].features.find(feature.Sharding).regions) == 3


async def test_a_region_that_is_not_allowed_is_refused_by_name() -> None:
    async with bank(1, config=allowing("local")) as nodes, nodes.client() as client:
        with pytest.raises(ClientRefusedError, match="clients may not reach /accounts/_entity/alice"):
            await client.entity_ref("accounts", "alice").ask(Where())
    async with bank(1, config=allowing("accounts")) as nodes, nodes.client() as client:
        assert await client.entity_ref("accounts", "alice").ask(Where()) == "node-1"


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_no_message_of_a_client_is_lost_or_overtaken_when_a_node_leaves(leaver: int) -> None:
    """The coordinator's node, the contact, or another one."""
    ledger = Ledger()
    async with bank(3, ledger) as nodes, at(nodes, 1) as client:
        refs = {name: client.entity_ref("accounts", name) for name in IDS}
        sent, is_over = 0, False

        async def use() -> None:
            nonlocal sent
            while not is_over:
                sent += 1
                for ref in refs.values():
                    ref.tell(Add(sent))
                await asyncio.sleep(0.002)

        async def ask(ref: ActorRef[Message]) -> None:
            while not is_over:
                await ref.ask(Where(), timeout=30.0)

        async with asyncio.TaskGroup() as group:
            group.create_task(use())
            for ref in list(refs.values())[:5]:
                group.create_task(ask(ref))
            await until(lambda: sent > 20)
            await nodes[leaver].shutdown()
            after = sent
            await until(lambda: sent > after + 20)
            is_over = True
        for ref in refs.values():
            assert await ref.ask(Where(), timeout=30.0) in ("node-1", "node-2", "node-3")
        assert all(numbers == list(range(1, sent + 1)) for numbers in ledger.numbers.values())


async def test_an_ask_of_an_entity_fails_with_an_unknown_outcome_when_its_node_is_downed() -> None:
    ledger = Ledger()
    async with bank(3, ledger) as nodes, at(nodes, 1) as client:
        places = {name: await client.entity_ref("accounts", name).ask(Where()) for name in IDS}
        name = next(name for name, place in places.items() if place == "node-3")
        asking = asyncio.create_task(client.entity_ref("accounts", name).ask(Keep(), timeout=60.0))
        await until(lambda: bool(ledger.kept))
        await kill(nodes, 2)
        with pytest.raises(NodeLostError, match=r"was removed from the cluster before it replied"):
            await asking
        assert await client.entity_ref("accounts", name).ask(Where(), timeout=60.0) in ("node-1", "node-2")
