"""What type checkers know of entities, routers and clients, and reject: mypy and basedpyright both read this file.

An `ignore` that nothing needs is an error to both, so that a mistake which is no longer rejected is found as well.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from dataclasses import dataclass
from typing import assert_type

from casty import (
    ActorContext,
    ActorRef,
    ActorSystem,
    Behavior,
    Behaviors,
    Listing,
    RegionRef,
    Request,
    RouterRef,
    ServiceKey,
    ShardEnvelope,
)
from casty.cluster import ClusterClient, ClusteredActorSystem


@dataclass(frozen=True)
class GetTotal(Request[float]):
    """A message whose reply has a type."""


@dataclass(frozen=True)
class Add:
    amount: float


@dataclass(frozen=True)
class GetName(Request[str]):
    """Another request, which the entities below do not handle."""


@dataclass(frozen=True)
class Count:
    """A message with a reply reference."""

    reply_to: ActorRef[int]


type Command = GetTotal | Add | Count

KEY = ServiceKey[Command]("accounts")


def account(entity_id: str) -> Behavior[Command]:
    async def receive(_: ActorContext[Command], message: Command) -> Behavior[Command]:
        return Behaviors.same()

    return Behaviors.receive(receive)


def numbered(number: int) -> Behavior[Command]:
    return account(str(number))


async def entities(system: ActorSystem, cluster: ClusteredActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(account), "accounts")
    assert_type(region, RegionRef[Command])
    assert_type(cluster.spawn(Behaviors.sharded(account), "accounts"), RegionRef[Command])
    alice = region.entity("alice")
    assert_type(alice, ActorRef[Command])
    assert_type(system.entity_ref(region, "alice"), ActorRef[Command])
    assert_type(cluster.entity_ref(region, "alice"), ActorRef[Command])
    alice.tell(Add(1.0))
    region.tell(ShardEnvelope("alice", Add(1.0)))
    assert_type(await alice.ask(GetTotal()), float)
    assert_type(await system.ask(alice, GetTotal()), float)


async def wrong_messages(system: ActorSystem, region: RegionRef[Command]) -> None:
    alice = region.entity("alice")
    alice.tell(GetName())  # type: ignore[arg-type]
    await alice.ask(GetName())  # type: ignore[arg-type]
    region.tell(Add(1.0))  # type: ignore[arg-type]
    region.tell(ShardEnvelope("alice", GetName()))  # type: ignore[arg-type]
    region.entity(7)  # type: ignore[arg-type]
    text: str = await alice.ask(GetTotal())  # type: ignore[arg-type]
    system.entity_ref(region, "alice").tell(text)  # type: ignore[arg-type]


def wrong_factories() -> None:
    Behaviors.sharded(numbered)  # type: ignore[arg-type]
    Behaviors.daemons(account, 4)  # type: ignore[arg-type]
    Behaviors.pool(4, account)  # type: ignore[arg-type]


async def routers(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(4, lambda: account("")), "pool")
    assert_type(pool, RouterRef[Command])
    group = system.spawn(Behaviors.group(KEY), "group")
    assert_type(group, RouterRef[Command])
    for router in (pool, group):
        router.tell(Add(1.0))
        router.broadcast(Add(1.0))
        assert_type(await router.ask(GetTotal()), float)
        router.tell(GetName())  # type: ignore[arg-type]
        router.broadcast(GetName())  # type: ignore[arg-type]


async def clients(client: ClusterClient, account_of: ActorRef[Command]) -> None:
    assert_type(await client.lookup(KEY), Listing[Command])
    for instance in (await client.lookup(KEY)).instances:
        instance.ref.tell(Add(1.0))
        instance.ref.tell(GetName())  # type: ignore[arg-type]
    assert_type(await account_of.ask(GetTotal()), float)
    assert_type(await client.ask(account_of, Count), int)
