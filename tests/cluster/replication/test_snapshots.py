"""Snapshots of replicated entities: all copies keep them in place of events, and recovery begins at them."""

import operator
from dataclasses import replace
from typing import Any, override

import pytest
from casty import ActorContext, Behavior, Behaviors, InMemoryJournal, SnapshotEvery
from casty.cluster import DevelopmentCluster
from casty.config import CastyConfig, SerializationConfig
from casty.errors import EncodeError, JournalError, PluginError
from casty.extension import LogRequest, Serializers
from casty.serialization import MsgpackSerializer
from casty.spi.event_journal import EventJournal, Snapshot
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.replication.stored import StorePromise, StoreSnapshot
from casty_cluster.protocol.sharding import coordinator
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.entity_log import ReplicatedLog
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.replication.payloads import to_payload
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.copies import SERIALIZER
from casty_cluster.wire.replication import Epoch

from tests.cluster.replication import bank as accounts
from tests.cluster.replication.bank import (
    FAST,
    TWO_COPIES,
    Bank,
    Deposit,
    Deposited,
    Look,
    all_have_three_copies,
    banks,
    copies_by_shard,
    index_of_owner,
)
from tests.cluster.replication.hosting import NAME, Outcomes, alone, hosted
from tests.cluster.replication.test_hostile_regions import states
from tests.cluster.system.waiting import until
from tests.core.serialization import release_2
from tests.core.serialization.golden_files import stored

ENTITY = "alice"
EPOCH = Epoch(3, 7)


def snapshots_of(cluster: DevelopmentCluster) -> list[int]:
    """Of each copy of the entity's shard: the event after which it has the state."""
    histories = [copy.histories.get(ENTITY) for copies in copies_by_shard(cluster).values() for copy in copies]
    return [history.snapshot for history in histories if history is not None]


async def test_all_copies_keep_the_state_and_recovery_begins_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with banks(bank=Bank(snapshots=SnapshotEvery(10))) as (cluster, bank):
        for number in range(35):
            await bank.deposit(cluster[0], ENTITY, number)
        await until(lambda: snapshots_of(cluster) == [30, 30, 30])
        replayed: list[int] = []
        on_event = accounts.on_event

        def counted(deposits: tuple[int, ...], event: Deposited) -> tuple[int, ...]:
            replayed.append(event.number)
            return on_event(deposits, event)

        monkeypatch.setattr(accounts, "on_event", counted)
        await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
        assert await bank.look(cluster[0], ENTITY) == tuple(range(35))
        assert replayed == [30, 31, 32, 33, 34]
        await bank.insist(cluster[1], ENTITY, 35)
        await bank.check(cluster[0])


async def test_an_empty_copy_gets_the_state_and_can_take_over_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "REBALANCE_INTERVAL", 0.2)
    async with banks(bank=Bank(snapshots=SnapshotEvery(10))) as (cluster, bank):
        for number in range(20):
            await bank.deposit(cluster[0], ENTITY, number)
        for number in (20, 21):
            await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
            bank.open(await cluster.add_node(**FAST))
            await all_have_three_copies(cluster)
            assert snapshots_of(cluster) == [20, 20, 20]
            await bank.insist(cluster[0], ENTITY, number)
        assert await bank.look(cluster[1], ENTITY) == tuple(range(22))


async def test_copies_keep_few_of_the_states_of_an_entity_with_a_durable_state() -> None:
    bank = Bank()
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            behavior = Behaviors.sharded(states(InMemoryJournal()), num_shards=1, replication=TWO_COPIES)
            bank.regions[node] = node.spawn(behavior, "accounts")
        for number in range(200):
            await bank.deposit(cluster[0], ENTITY, number)
        await until(lambda: snapshots_of(cluster) == [200, 200, 200])
        await cluster.kill(await index_of_owner(cluster, Bank(num_shards=1), ENTITY))
        assert await bank.look(cluster[0], ENTITY) == tuple(range(200)), "the snapshot is the newest state"
        await bank.insist(cluster[1], ENTITY, 200)
        await bank.check(cluster[0])


def large(journal: EventJournal) -> Any:
    """Entities whose events are 1.6 MB each, and whose state is all of them."""

    async def on_command(_: ActorContext[Any], state: bytes, command: Any) -> Behavior[Any]:
        numbers = tuple(int.from_bytes(state[at : at + 4]) for at in range(0, len(state), 1_600_000))
        match command:
            case Deposit(number, reply_to) if number not in numbers:
                return Behaviors.persisted([number.to_bytes(4) * 400_000], reply=(reply_to, number))
            case Deposit(number, reply_to):  # repeated, because its reply was lost
                reply_to.tell(number)
            case Look(reply_to):
                reply_to.tell(numbers)
            case _:
                raise AssertionError(command)
        return Behaviors.same()

    def make(entity: str) -> Behavior[Any]:
        return Behaviors.event_sourced(
            entity_id=entity,
            journal=journal,
            initial_state=b"",
            on_event=operator.add,
            on_command=on_command,
            snapshot_policy=SnapshotEvery(4),
        )

    return make


async def test_states_and_events_larger_than_a_frame_reach_an_empty_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "REBALANCE_INTERVAL", 0.2)
    patient = replace(TWO_COPIES, ack_timeout=60.0)
    bank = Bank(num_shards=1)

    def open_region(node: ClusteredActorSystem) -> None:
        behavior = Behaviors.sharded(large(InMemoryJournal()), num_shards=1, replication=patient)
        bank.regions[node] = node.spawn(behavior, "accounts")

    config = CastyConfig(serialization=SerializationConfig(max_payload=32_000_000))
    async with DevelopmentCluster(3, config=config, **FAST) as cluster:
        for node in cluster:
            open_region(node)
        for number in range(6):
            await bank.deposit(cluster[0], ENTITY, number, timeout=60.0)
        await until(lambda: sorted(snapshots_of(cluster))[1:] == [4, 4])
        await cluster.kill((await index_of_owner(cluster, bank, ENTITY) + 1) % 3)
        open_region(await cluster.add_node(config=config, **FAST))
        await all_have_three_copies(cluster)
        assert snapshots_of(cluster)[-1] == 4, "the new copy has the state of 6.4 MB"
        await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
        await bank.insist(cluster[0], ENTITY, 6)
        assert await bank.look(cluster[1], ENTITY) == tuple(range(7))


# The log of one entity, on the copy of a group of one


class NewerSerializer(MsgpackSerializer):
    """One that only a newer release of the program has."""

    @property
    @override
    def name(self) -> str:
        return "newer"


def absent(name: str) -> Any:
    raise PluginError(f"no serializer {name!r}")


OURS = Serializers(MsgpackSerializer(), find=absent)
NEWER = Serializers(MsgpackSerializer(), NewerSerializer(), find=absent)


def log_on(copy: HostedCopy, serializers: Serializers = OURS) -> ReplicatedLog:
    request = LogRequest(entity_id=ENTITY, actor="/accounts/alice", journal=None, wall_time=lambda: 5.0)
    return ReplicatedLog(request, copy, EPOCH, serializers)


async def append(log: ReplicatedLog, first: int, *events: Any) -> None:
    outcomes = Outcomes()
    log.append(first, events, (), outcomes.settle)
    assert await outcomes.seen.get() == (first + len(events) - 1, None)


async def save(log: ReplicatedLog, number: int, state: Any) -> None:
    """Returns before it is stored: what is read afterwards is read behind it."""
    await log.prepare_snapshot(number, state, keep=2)()


async def keep(journal: InMemoryJournal, number: int, payload: bytes) -> None:
    """Have the copy keep a state of the entity, and none of the events before it."""
    store = CopyStore(journal, NAME, lambda: 0.0, SegmentCache())
    await store.open()
    await store.append([StorePromise(Epoch(1, 7)), StoreSnapshot(ENTITY, ((1, 7, number),), payload)])


@pytest.fixture
def journal() -> InMemoryJournal:
    return InMemoryJournal()


async def test_a_snapshot_is_read_with_its_time_and_the_events_behind_it(journal: InMemoryJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        log = log_on(copy)
        assert await log.load_snapshot() is None
        await append(log, 1, "a", "b", "c")
        await save(log, 2, ["a", "b"])
        assert await log.load_snapshot() == Snapshot(2, ["a", "b"], 5.0)
        assert [(event.sequence_nr, event.event) for event in await log.replay(3)] == [(3, "c")]


async def test_only_the_newest_state_is_read_of_an_entity_with_a_durable_state(journal: InMemoryJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        log = log_on(copy)
        assert await log.newest("initial") == (0, "initial")
        await append(log, 1, "a", "b")
        assert await log.newest("initial") == (2, "b")
        await log.prepare_deletion(2, "b")()
        assert await log.newest("initial") == (2, "b")
        assert copy.snapshot(ENTITY) == 2
        await append(log, 3, "c")
        assert await log.newest("initial") == (3, "c")


async def test_a_snapshot_of_an_older_release_is_read(journal: InMemoryJournal) -> None:
    manifest, version, body = stored("release-1")["a state"].encoded
    payload: list[Any] = [manifest, version, body, 5.0, [], "msgpack"]
    await keep(journal, 4, SERIALIZER.dumps(payload))
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        log = log_on(copy, Serializers(release_2.SERIALIZER, find=absent))
        assert await log.load_snapshot() == Snapshot(4, release_2.FROM_RELEASE_1["a state"], 5.0)


async def test_a_snapshot_that_cannot_be_read_only_costs_time_as_long_as_the_events_are_there(
    journal: InMemoryJournal, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        newer, ours = log_on(copy, NEWER), log_on(copy)
        await append(newer, 1, "a", "b")
        await save(newer, 2, ["a", "b"])
        assert await ours.load_snapshot() is None
        assert "snapshot of 'alice' at event 2 cannot be read" in caplog.text
        assert [event.event for event in await ours.replay(1)] == ["a", "b"]
        assert await ours.newest("initial") == (2, "b")


async def test_a_snapshot_that_cannot_be_read_is_an_error_where_the_events_are_gone(journal: InMemoryJournal) -> None:
    await keep(journal, 4, to_payload(NEWER.snapshots, "state", 5.0))
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        log = log_on(copy)
        for read in (log.load_snapshot(), log.newest("initial")):
            with pytest.raises(
                JournalError, match=r"'alice' at event 4 cannot be read, and event \d .*not kept.*newer"
            ):
                await read
        with pytest.raises(JournalError, match="not kept"):
            await log.replay(1)


async def test_a_state_that_cannot_be_encoded_is_named(journal: InMemoryJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        with pytest.raises(EncodeError) as refused:
            log_on(copy).prepare_snapshot(7, object(), keep=2)
        assert refused.value.__notes__[-1] == "This would be the state of the entity 'alice' at event 7."


async def test_a_snapshot_that_is_saved_too_late_changes_nothing(journal: InMemoryJournal) -> None:
    """By a start of the entity on a primary that has ended since."""
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(EPOCH))
        log = log_on(copy)
        await append(log, 1, "a")
        late = log.prepare_snapshot(1, ["a"], keep=2)
        await copy.promote(alone(Epoch(4, 7)))
        await late()
        assert copy.snapshot(ENTITY) == 0
