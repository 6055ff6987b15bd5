"""System messages of regions: in batches, in order, none larger than a control message may be."""

import asyncio
from collections.abc import Sequence
from typing import Any

from casty.member import NodeId
from casty_cluster.sharding.outbox import AT_ONCE, MAX_BYTES, Outbox
from casty_cluster.wire import codec
from casty_cluster.wire.sharding import Batch, GetHome

from tests.cluster.system.waiting import until

HERE, THERE = NodeId("a", 1, 1), NodeId("b", 2, 2)


class Sent:
    """What an outbox has sent, to others and to itself."""

    def __init__(self) -> None:
        self.batches: list[tuple[NodeId, Batch]] = []
        self.heard: list[tuple[NodeId, str, list[Any]]] = []
        self.outbox = Outbox(self._send, self._hear)
        self.outbox.belongs_to(HERE)

    def _send(self, to: NodeId, batch: Batch) -> None:
        self.batches.append((to, batch))

    def _hear(self, node: NodeId, region: str, messages: Sequence[Any]) -> None:
        self.heard.append((node, region, list(messages)))


def read(batch: Batch) -> list[object]:
    return [codec.loads(data) for data in batch.messages]


async def test_a_turn_makes_one_batch_for_each_node_and_region() -> None:
    sent = Sent()
    for shard in range(3):
        sent.outbox.put(THERE, "accounts", 100, GetHome(shard, 0))
        sent.outbox.put(THERE, "orders", 7, GetHome(shard, 1))
        sent.outbox.put(HERE, "accounts", 100, GetHome(shard, 2))
    assert not sent.batches
    await asyncio.sleep(0)
    assert [(to, batch.region, batch.num_shards, read(batch)) for to, batch in sent.batches] == [
        (THERE, "accounts", 100, [GetHome(shard, 0) for shard in range(3)]),
        (THERE, "orders", 7, [GetHome(shard, 1) for shard in range(3)]),
    ]
    assert sent.heard == [(HERE, "accounts", [GetHome(shard, 2) for shard in range(3)])]


async def test_what_a_turn_causes_on_this_node_itself_has_a_turn_of_its_own() -> None:
    sent = Sent()
    sent.outbox.put(HERE, "accounts", 1, GetHome(0, 0))
    hear = sent._hear

    def answer(node: NodeId, region: str, messages: Sequence[Any]) -> None:
        hear(node, region, messages)
        if len(sent.heard) < 3:
            sent.outbox.put(HERE, region, 1, GetHome(len(sent.heard), 0))

    sent.outbox._hear = answer
    await asyncio.sleep(0)
    assert len(sent.heard) == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [messages for _, _, messages in sent.heard] == [[GetHome(number, 0)] for number in range(3)]


async def test_a_large_turn_is_cut_into_batches_that_fit() -> None:
    sent = Sent()
    messages = [GetHome(shard, 2**40) for shard in range(10_000)]
    for message in messages:
        sent.outbox.put(THERE, "accounts", 10_000, message)
    await until(lambda: sum(len(batch.messages) for _, batch in sent.batches) == len(messages))
    assert all(sum(map(len, batch.messages)) <= MAX_BYTES for _, batch in sent.batches)
    assert all(len(codec.dumps(batch)) <= codec.MAX_BYTES for _, batch in sent.batches)
    assert [message for _, batch in sent.batches for message in read(batch)] == messages


async def test_one_turn_sends_a_limited_number_of_messages_and_the_next_ones_the_rest() -> None:
    sent = Sent()
    messages = [(f"region-{number % 500}", GetHome(number, 0)) for number in range(3 * AT_ONCE)]
    for region, message in messages:
        sent.outbox.put(THERE, region, 100, message)
    turns = 0
    before = 0
    while (count := sum(len(batch.messages) for _, batch in sent.batches)) < len(messages):
        assert count - before <= AT_ONCE
        turns, before = turns + 1, count
        await asyncio.sleep(0)
    assert turns >= 3
    for region in {region for region, _ in messages}:
        arrived = [message for _, batch in sent.batches if batch.region == region for message in read(batch)]
        assert arrived == [message for at, message in messages if at == region]


async def test_what_an_incarnation_has_not_sent_when_it_ends_is_void() -> None:
    sent = Sent()
    sent.outbox.put(THERE, "accounts", 100, GetHome(1, 0))
    sent.outbox.belongs_to(None)
    await asyncio.sleep(0)
    assert not sent.batches
