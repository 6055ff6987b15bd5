"""Replicated regions with all that entities may be: large, remembered, durable states, on journals of any kind."""

from pathlib import Path
from typing import Any

import pytest
from casty import ActorContext, Behavior, Behaviors, InMemoryJournal, RegionRef, SqliteJournal
from casty.cluster import DevelopmentCluster
from casty.config import CastyConfig, SerializationConfig
from casty.replication import ReplicationConfig
from casty.spi.journal import JournalKind
from casty_cluster.replication.feature import Copies

from tests.cluster.replication.bank import FAST, TWO_COPIES, Bank, Deposit, Look, index_of_owner
from tests.cluster.replication.journals import UnreliableJournal
from tests.cluster.system.waiting import until

ENTITY = "alice"
PATIENT = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=60.0)


def states(journal: Any) -> Any:
    """Entities whose newest state is stored: the numbers of their deposits."""

    async def on_command(_: ActorContext[Any], state: tuple[Any, ...], command: Any) -> Behavior[Any]:
        match command:
            case Deposit(number, reply_to) if number in state:  # repeated, because its reply was lost
                reply_to.tell(number)
                return Behaviors.same()
            case Deposit(number, reply_to):
                return Behaviors.updated((*state, number), reply=(reply_to, number))
            case Look(reply_to):
                reply_to.tell(tuple(state))
                return Behaviors.same()
            case _:
                raise AssertionError(command)

    def make(entity: str) -> Behavior[Any]:
        return Behaviors.durable_state(entity_id=entity, journal=journal, initial_state=(), on_command=on_command)

    return make


def blobs(journal: Any) -> Any:
    """Entities whose events are 1.2 million bytes each."""

    async def on_command(_: ActorContext[Any], state: int, command: Any) -> Behavior[Any]:
        match command:
            case Deposit(number, reply_to) if number < state:  # repeated, because its reply was lost
                reply_to.tell(state)
                return Behaviors.same()
            case Deposit(number, reply_to):
                return Behaviors.persisted([number.to_bytes(4) * 300_000], reply=(reply_to, state + 1))
            case Look(reply_to):
                reply_to.tell(tuple(range(state)))
                return Behaviors.same()
            case _:
                raise AssertionError(command)

    def count(state: int, _: bytes) -> int:
        return state + 1

    def make(entity: str) -> Behavior[Any]:
        return Behaviors.event_sourced(
            entity_id=entity, journal=journal, initial_state=0, on_event=count, on_command=on_command
        )

    return make


@pytest.mark.parametrize("entities", [states, blobs])
async def test_durable_states_and_events_larger_than_a_frame_survive_their_primary(entities: Any) -> None:
    bank, config = Bank(), CastyConfig(serialization=SerializationConfig(max_payload=2_000_000))
    async with DevelopmentCluster(3, config=config, **FAST) as cluster:
        for node in cluster:
            behavior = Behaviors.sharded(entities(InMemoryJournal()), num_shards=4, replication=PATIENT)
            bank.regions[node] = node.spawn(behavior, "accounts")
        for number in range(4):
            await bank.deposit(cluster[0], ENTITY, number, timeout=20.0)
        await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
        await bank.insist(cluster[0], ENTITY, 4)
        assert len(await bank.look(cluster[1], ENTITY)) == 5


async def test_remembered_entities_are_replicated_with_their_ids() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        starts: list[str] = []

        async def started(ctx: ActorContext[Any], _: Any) -> None:
            starts.append(ctx.self.address.path)

        def entity(name: str) -> Behavior[Any]:
            return Behaviors.event_sourced(
                entity_id=name,
                initial_state=(),
                on_event=lambda state, _: state,
                on_command=_greet,
                on_recovery_completed=started,
            )

        regions: list[RegionRef[Any]] = [
            node.spawn(
                Behaviors.sharded(entity, num_shards=2, remember_entities=True, replication=TWO_COPIES), "accounts"
            )
            for node in cluster
        ]
        assert await regions[0].entity(ENTITY).ask(lambda to: Deposit(1, to)) == 1
        await cluster.kill(await index_of_owner(cluster, Bank(num_shards=2), ENTITY))
        await until(lambda: len(starts) == 2)


async def _greet(_: ActorContext[Any], state: Any, command: Deposit) -> Behavior[Any]:
    command.reply_to.tell(command.number)
    return Behaviors.same()


async def test_a_disk_that_fails_moves_its_shards_to_other_copies() -> None:
    bank, journals = Bank(), list[UnreliableJournal]()
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            journals.append(UnreliableJournal())
            bank.open(node, journals[-1])
        await bank.deposit(cluster[0], ENTITY, 1)
        broken = await index_of_owner(cluster, bank, ENTITY)
        journals[broken].before = journals[broken].unreadable = OSError("no space left on device")
        await bank.insist(cluster[0], ENTITY, 2)
        assert await index_of_owner(cluster, bank, ENTITY) != broken
        journals[broken].heal()
        await bank.insist(cluster[broken], ENTITY, 3)
        await bank.check(cluster[broken])


async def test_the_numbers_of_copies_may_change_between_restarts(tmp_path: Path) -> None:
    for turn, replicas in enumerate((2, 1, 2)):
        bank = Bank(replication=ReplicationConfig(replicas=replicas, min_acks=1, ack_timeout=2.0))
        async with DevelopmentCluster(3, **FAST) as cluster:
            for node in cluster:
                bank.open(node, SqliteJournal(tmp_path / f"{node.self_node.node_id}.db"))
            await bank.deposit(cluster[0], ENTITY, turn, timeout=20.0)
            assert await bank.look(cluster[1], ENTITY) == tuple(range(turn + 1))


async def test_nothing_is_copied_where_all_nodes_can_read_the_journal() -> None:
    class Shared(InMemoryJournal):
        @property
        def kind(self) -> JournalKind:  # pyright: ignore[reportIncompatibleMethodOverride,reportImplicitOverride]
            return JournalKind.centralized

    journal, bank = Shared(), Bank()
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            bank.open(node, journal)
        await bank.deposit(cluster[0], ENTITY, 1)
        assert all(node.features.find(Copies).of("accounts") is None for node in cluster)
        assert len(await journal.load(ENTITY)) == 1
        await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
        await bank.insist(cluster[0], ENTITY, 2)
        await bank.check(cluster[0])
