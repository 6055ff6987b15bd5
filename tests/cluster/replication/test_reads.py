"""What commands that store nothing show where their node is not the primary any more."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorContext, Behavior, Behaviors, CastyError, InMemoryJournal, Request
from casty.cluster import DevelopmentCluster
from casty.errors import ActorStoppedError
from casty.replication import ReplicationConfig

from tests.cluster.replication.bank import FAST


@dataclass(frozen=True)
class Add(Request[int]):
    """Stored."""


@dataclass(frozen=True)
class Local(Request[int]):
    """A read from the state that the node has."""


@dataclass(frozen=True)
class Confirmed(Request[int]):
    """A linearizable read."""


async def on_command(_: ActorContext[Any], total: int, command: Request[int]) -> Behavior[Any]:
    match command:
        case Add():
            return Behaviors.persisted([1], reply=(command.reply_to, total + 1))
        case Confirmed():
            command.reply_to.tell(total)
            return Behaviors.confirmed()
        case _:
            command.reply_to.tell(total)
            return Behaviors.same()


def counter(entity: str) -> Behavior[Any]:
    return Behaviors.event_sourced(
        entity_id=entity, journal=InMemoryJournal(), initial_state=0, on_event=int.__add__, on_command=on_command
    )


async def insist(ref: Any, command: Any, expected: int) -> None:
    while True:
        with contextlib.suppress(CastyError, TimeoutError):
            if await ref.ask(command(), timeout=1.0) == expected:
                return
        await asyncio.sleep(0.01)


async def test_a_confirmed_read_shows_nothing_old() -> None:
    replication = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=1.0)
    async with DevelopmentCluster(3, **FAST) as cluster:
        nodes = list(cluster)
        regions = [
            node.spawn(Behaviors.sharded(counter, num_shards=1, replication=replication), "counters") for node in nodes
        ]
        refs = [region.entity("visits") for region in regions]
        assert await refs[0].ask(Add(), timeout=20.0) == 1
        assert [await ref.ask(Confirmed()) for ref in refs] == [1, 1, 1]
        [shard] = (await nodes[0].shard_state("counters")).shards
        cut_off = next(index for index, node in enumerate(nodes) if node.self_node.node == shard.owner)
        others = [index for index in range(3) if index != cut_off]
        cluster.partition([cut_off], others)
        assert await refs[cut_off].ask(Local()) == 1, "the node does not know yet that it is cut off"
        looking = asyncio.create_task(refs[cut_off].ask(Confirmed(), timeout=60.0))
        await insist(refs[others[0]], Add, 2)
        cluster.heal()
        with contextlib.suppress(CastyError):
            assert await looking == 2
        await insist(refs[cut_off], Confirmed, 2)


async def test_a_plain_actor_cannot_return_it(caplog: pytest.LogCaptureFixture) -> None:
    async def receive(_: ActorContext[Local], message: Local) -> Behavior[Local]:
        return Behaviors.confirmed()

    async with DevelopmentCluster(1) as (node,):
        plain = node.spawn(Behaviors.receive(receive), "plain")
        with pytest.raises(ActorStoppedError):
            await plain.ask(Local())
    assert "Behaviors.confirmed() is only for the on_command" in caplog.text
