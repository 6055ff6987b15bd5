"""Replicated accounts that know all of their deposits, on nodes with a journal each, and clients that keep count."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError, InMemoryJournal, RegionRef, SnapshotEvery
from casty.cluster import DevelopmentCluster
from casty.extension import shard_of
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.replication.feature import Copies
from casty_cluster.replication.region_copies import RegionCopies

from tests.cluster.system.waiting import until

FAST: Final = {"failover": "fast"}
TWO_COPIES = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=1.0)


@dataclass(frozen=True)
class Deposit:
    """Replied to with its number, once it is stored."""

    number: int
    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Look:
    """Replied to with the numbers of all deposits, in their order."""

    reply_to: ActorRef[tuple[int, ...]]


@dataclass(frozen=True)
class Deposited:
    number: int


type Command = Deposit | Look


async def on_command(_: ActorContext[Command], deposits: tuple[int, ...], command: Command) -> Behavior[Command]:
    match command:
        case Deposit(number, reply_to):
            if number in deposits:  # the client has not learned of its outcome
                reply_to.tell(number)
                return Behaviors.same()
            return Behaviors.persisted([Deposited(number)], reply=(reply_to, number))
        case Look(reply_to):
            reply_to.tell(deposits)
            return Behaviors.same()


def on_event(deposits: tuple[int, ...], event: Deposited) -> tuple[int, ...]:
    return (*deposits, event.number)


def account(
    journal: EventJournal | str | None, snapshots: SnapshotEvery | None = None
) -> Callable[[str], Behavior[Command]]:
    def make(entity: str) -> Behavior[Command]:
        return Behaviors.event_sourced(
            entity_id=entity,
            journal=journal,
            initial_state=(),
            on_event=on_event,
            on_command=on_command,
            snapshot_policy=snapshots,
        )

    return make


@dataclass
class Bank:
    """The accounts of one cluster, and what its clients were promised."""

    replication: ReplicationConfig = TWO_COPIES
    num_shards: int = 4
    snapshots: SnapshotEvery | None = None
    acknowledged: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    regions: dict[ClusteredActorSystem, RegionRef[Any]] = field(
        default_factory=dict[ClusteredActorSystem, RegionRef[Any]]
    )

    def open(self, node: ClusteredActorSystem, journal: EventJournal | str | None = None) -> RegionRef[Any]:
        """Spawn the region on a node, with a journal of its own."""
        behavior = Behaviors.sharded(
            account(InMemoryJournal() if journal is None else journal, self.snapshots),
            num_shards=self.num_shards,
            replication=self.replication if self.replication.replicas else None,
        )
        region = self.regions[node] = node.spawn(behavior, "accounts")
        return region

    def copies_on(self, node: ClusteredActorSystem) -> RegionCopies | None:
        return node.features.find(Copies).of("accounts")

    async def deposit(self, node: ClusteredActorSystem, entity: str, number: int, timeout: float = 5.0) -> None:
        """Deposit once. Raises what the ask raises: whether it has happened is unknown then."""
        await self.regions[node].entity(entity).ask(lambda to: Deposit(number, to), timeout=timeout)
        self.acknowledged.setdefault(entity, []).append(number)

    async def insist(self, node: ClusteredActorSystem, entity: str, number: int) -> None:
        """Deposit, as often as it takes."""
        while True:
            try:
                return await self.deposit(node, entity, number, timeout=1.0)
            except (CastyError, TimeoutError):
                await asyncio.sleep(0.01)

    async def look(self, node: ClusteredActorSystem, entity: str) -> tuple[int, ...]:
        """All deposits of an account, as soon as it replies."""
        while True:
            try:
                return await self.regions[node].entity(entity).ask(Look, timeout=1.0)
            except (CastyError, TimeoutError):
                await asyncio.sleep(0.01)

    async def check(self, node: ClusteredActorSystem) -> None:
        """All that was acknowledged is there, once."""
        for entity, numbers in self.acknowledged.items():
            found = await self.look(node, entity)
            assert len(found) == len(set(found)), f"{entity} has deposits twice: {found}"
            assert set(numbers) <= set(found), f"{entity} has lost {sorted(set(numbers) - set(found))}"


async def owner_of(node: ClusteredActorSystem, bank: Bank, shard: int) -> str:
    """The id of the node that runs a shard, as soon as one does."""
    while True:
        state = await node.shard_state("accounts")
        owners = {found.shard: found.owner for found in state.shards}
        if (owner := owners.get(shard)) is not None:
            return next(member.node_id for member in node.members if member.node == owner)
        await asyncio.sleep(0.01)


@asynccontextmanager
async def banks(size: int = 3, bank: Bank | None = None) -> AsyncGenerator[tuple[DevelopmentCluster, Bank]]:
    bank = bank or Bank()
    async with DevelopmentCluster(size, **FAST) as cluster:
        for node in cluster:
            bank.open(node)
        yield cluster, bank


async def index_of_owner(cluster: DevelopmentCluster, bank: Bank, entity: str) -> int:
    owner = await owner_of(cluster[0], bank, shard_of(entity, bank.num_shards))
    return next(index for index, node in enumerate(cluster) if node.self_node.node_id == owner)


def copies_by_shard(cluster: DevelopmentCluster) -> dict[int, list[Contents]]:
    """What the open copies of each shard have."""
    found: dict[int, list[Contents]] = {}
    for node in cluster:
        copies = node.features.find(Copies).of("accounts")
        assert copies is not None
        for shard, copy in copies._copies.items():
            if copy._member is not None:
                found.setdefault(shard, []).append(copy._member.contents)
    return found


async def all_have_three_copies(cluster: DevelopmentCluster) -> None:
    """Return when each shard that exists has three copies that are in step with its primary."""
    await until(lambda: all(is_complete(copies) for copies in copies_by_shard(cluster).values()))


def is_complete(copies: list[Contents]) -> bool:
    newest = max(copies, key=lambda copy: copy.promised)
    return len(copies) == 3 and all(
        copy.confirmed == newest.promised
        and copy.view is not None
        and len(copy.view.copies) == 3
        and {name: history.position for name, history in copy.histories.items()}
        == {name: history.position for name, history in newest.histories.items()}
        for copy in copies
    )
