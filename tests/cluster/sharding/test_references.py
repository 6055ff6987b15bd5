"""References to entities: equal on all nodes, sent in messages, asked wherever the entity runs."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorFailedError,
    ActorRef,
    ArgumentError,
    Behavior,
    BehaviorError,
    Behaviors,
    DeadLetter,
    DeadlockError,
    EncodeError,
    RegionRef,
    Request,
    ShardEnvelope,
)
from casty.address import ActorAddress
from casty.testing import TestProbe
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.sharding.accounts import Accounts, Deposit, GetBalance, Stop, Where
from tests.cluster.system.waiting import until


@dataclass(frozen=True)
class Pass:
    """Ask the entity `to` for its balance, and answer with that."""

    to: ActorRef[Any]
    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Fail:
    """Raise."""

    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Await(Request[str]):
    """Ask the entity `to` for where it is, in the handler itself."""

    to: ActorRef[Any]


def helpful(node: ClusteredActorSystem, accounts: Accounts) -> RegionRef[Any]:
    """Spawn entities that pass asks on."""

    def entity(entity_id: str) -> Behavior[Any]:
        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Pass(to, reply_to):
                    to.tell(GetBalance(reply_to))
                case Await():
                    message.reply_to.tell(await message.to.ask(Where))
                case Where(reply_to):
                    reply_to.tell(node.self_node.node_id)
                case _:
                    raise ArithmeticError("overdrawn")
            return Behaviors.same()

        return Behaviors.receive(receive)

    return node.spawn(Behaviors.sharded(entity, num_shards=10), "helpers")


async def elsewhere(node: ClusteredActorSystem, region: RegionRef[Any]) -> str:
    """The id of an entity that runs on another node."""
    for number in range(1_000):
        if await region.entity(f"e{number}").ask(Where) != node.self_node.node_id:
            return f"e{number}"
    raise AssertionError("all entities run here")


async def here(node: ClusteredActorSystem, region: RegionRef[Any]) -> str:
    for number in range(1_000):
        if await region.entity(f"e{number}").ask(Where) == node.self_node.node_id:
            return f"e{number}"
    raise AssertionError("no entity runs here")


async def test_a_reference_is_the_same_on_all_nodes_and_leads_to_the_entity_from_each() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        ref = accounts.spawn(first).entity("Zoë/1")
        uri = ref.address.to_uri()
        other = second.resolve(ActorAddress.from_uri(uri))
        assert other == second.entity_ref("accounts", "Zoë/1")
        assert (other.address, hash(other)) == (ref.address, hash(ref))
        other.tell(Deposit(5))
        assert await other.ask(GetBalance) == 5
        assert await ref.ask(GetBalance) == 5


async def test_references_to_entities_travel_in_messages_and_replies_find_their_asker() -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        accounts = Accounts()
        region = accounts.spawn(first)
        helpers = helpful(second, accounts)
        alice = region.entity("alice")
        alice.tell(Deposit(7))
        assert await helpers.entity("h").ask(lambda r: Pass(alice, r)) == 7
        assert await third.entity_ref("helpers", "h").ask(lambda r: Pass(alice, r)) == 7


async def test_an_ask_of_an_entity_elsewhere_that_fails_fails_at_once_with_its_error() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        regions = [helpful(node, accounts) for node in (first, second)]
        entity = await elsewhere(first, regions[0])
        with pytest.raises(ActorFailedError, match="overdrawn"):
            await regions[0].entity(entity).ask(Fail, timeout=30.0)
        with pytest.raises(ActorFailedError, match="overdrawn"):
            await first.ask(regions[0], lambda r: ShardEnvelope(entity, Fail(r)), timeout=30.0)


async def test_an_ask_that_waited_for_a_home_fails_at_once_where_its_entity_fails() -> None:
    async with DevelopmentCluster(1) as (node,):
        asked = asyncio.ensure_future(node.entity_ref("helpers", "h").ask(Fail, timeout=30.0))
        await asyncio.sleep(0)
        helpful(node, Accounts())
        with pytest.raises(ActorFailedError, match="overdrawn"):
            await asked


async def test_an_entity_that_asks_itself_gets_a_deadlock_error() -> None:
    async with DevelopmentCluster(2) as (first, second):
        regions = [helpful(node, Accounts()) for node in (first, second)]
        entity = regions[0].entity(await here(first, regions[0]))
        with pytest.raises(ActorFailedError) as failed:
            await entity.ask(Await(entity), timeout=30.0)
        assert isinstance(failed.value.__cause__, DeadlockError)


async def test_what_cannot_be_encoded_reaches_entities_of_this_node_only() -> None:
    async with DevelopmentCluster(2) as (first, second):
        regions = [helpful(node, Accounts()) for node in (first, second)]
        far, near = await elsewhere(first, regions[0]), await here(first, regions[0])
        letters = list[DeadLetter]()
        first.event_stream.subscribe(DeadLetter, letters.append)
        with pytest.raises(EncodeError):
            await regions[0].entity(far).ask(lambda r: (r, object()), timeout=30.0)
        regions[0].entity(far).tell(object())
        assert len(letters) == 1
        assert letters[0].intended_ref == regions[0].entity(far)
        with pytest.raises(ActorFailedError, match="overdrawn"):
            await regions[0].entity(near).ask(lambda r: (r, object()), timeout=30.0)


async def test_a_message_larger_than_a_frame_is_refused_with_its_size() -> None:
    async with DevelopmentCluster(2) as (first, second):
        regions = [helpful(node, Accounts()) for node in (first, second)]
        far = await elsewhere(first, regions[0])
        with pytest.raises(EncodeError, match="bytes"):
            await regions[0].entity(far).ask(lambda r: (r, bytes(40_000_000)), timeout=30.0)


async def test_the_region_takes_envelopes_of_other_nodes() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        accounts.spawn(first)
        ref = second.lookup("/accounts", node=first.self_node)
        assert ref is not None
        ref.tell(ShardEnvelope("alice", Deposit(3)))
        assert await ref.ask(lambda r: ShardEnvelope("alice", GetBalance(r))) == 3


async def test_bad_ids_and_wrong_envelopes_are_refused_by_name() -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node)
        for bad in ("", "a\0b", "x" * 10_000, 7):
            with pytest.raises(BehaviorError):
                region.entity(bad)  # type: ignore[arg-type]  # what the type checker would refuse
            with pytest.raises(BehaviorError):
                node.entity_ref("accounts", bad)  # type: ignore[arg-type]  # the same
            with pytest.raises(BehaviorError):
                await node.ask(region, lambda r, bad=bad: ShardEnvelope(bad, GetBalance(r)))  # type: ignore[arg-type]
        letters = list[DeadLetter]()
        node.event_stream.subscribe(DeadLetter, letters.append)
        region.tell("alice")  # type: ignore[arg-type]  # the same
        assert "/accounts takes ShardEnvelope(entity_id, message), not str" in letters[0].reason
        for name in (7, "", "/accounts", "_sharding"):
            with pytest.raises(ArgumentError, match="entity_ref takes"):
                node.entity_ref(name, "alice")  # type: ignore[call-overload]  # the same


async def test_an_entity_that_stops_is_not_gone_for_those_that_watch_it() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        region = accounts.spawn(first)
        probe = TestProbe[Any](second)
        ref = second.entity_ref("accounts", "alice")
        probe.watch(ref)
        ref.tell(Stop())
        assert await ref.ask(GetBalance) == 0
        assert accounts.starts["node-1", "alice"] == 2
        assert region.entity("alice") == ref
        await probe.expect_no_message()


async def test_the_commands_of_an_event_sourced_entity_send_to_entities_once_they_are_stored() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        region, _ = [accounts.spawn(node) for node in (first, second)]

        def transfer(entity_id: str) -> Behavior[Any]:
            async def on_command(ctx: ActorContext[Any], state: int, command: Any) -> Behavior[Any]:
                for number in range(20):
                    region.entity(f"account-{number}").tell(Deposit(1))
                return Behaviors.persisted([command])

            return Behaviors.event_sourced(
                entity_id=entity_id, initial_state=0, on_event=lambda state, _: state + 1, on_command=on_command
            )

        transfers = first.spawn(Behaviors.sharded(transfer), "transfers")
        transfers.entity("t").tell("go")
        await until(lambda: len(accounts.starts) == 20)
        assert [await second.entity_ref("accounts", f"account-{n}").ask(GetBalance) for n in range(20)] == [1] * 20


async def test_the_probe_may_be_asked_by_entities_of_all_nodes() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=10) for node in (first, second)]
        probe = TestProbe[Any](first)
        for number in range(20):
            regions[1].entity(f"account-{number}").tell(Where(probe.ref))
        seen = [await probe.expect_message(str) for _ in range(20)]
        assert set(seen) == {"node-1", "node-2"}
        await until(lambda: len(accounts.starts) == 20)
