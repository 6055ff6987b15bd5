"""What operators learn of shards: an event for each change, and a bounded number of lines in the log."""

import logging
from typing import Any

import pytest
from casty import ActorSystem, NodeId, ShardMoved, ShardStarted, ShardStopped
from casty.regions import ShardReason
from casty.testing import ManualClock
from casty_cluster.protocol.sharding.effects import Note, ShardArrives, ShardEnds, ShardLeaves, ShardRuns
from casty_cluster.sharding.story import PERIOD, Story

A, B = NodeId("a", 1, 1), NodeId("b", 1, 2)

NOTES: list[Note] = [
    ShardRuns(7, 5, ShardReason.requested),
    ShardEnds(7, 5, ShardReason.leaving),
    ShardLeaves(7, A, ShardReason.removed),
    ShardArrives(shard=7, epoch=6, source=A, owner=B, reason=ShardReason.removed),
]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "casty.sharding"]


async def test_each_change_is_an_event(actor_system: ActorSystem) -> None:
    events: list[Any] = []
    for kind in (ShardStarted, ShardStopped, ShardMoved):
        actor_system.event_stream.subscribe(kind, events.append)
    story = Story(actor_system.kernel)
    for note in NOTES:
        story.tell("accounts", note)
    assert events == [
        ShardStarted(region="accounts", shard=7, epoch=5, reason=ShardReason.requested),
        ShardStopped(region="accounts", shard=7, epoch=5, reason=ShardReason.leaving),
        ShardMoved(region="accounts", shard=7, epoch=6, source=A, owner=B, reason=ShardReason.removed),
    ]
    story.write()


async def test_ten_thousand_shards_of_one_node_are_one_line(
    actor_system: ActorSystem, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(actor_system.kernel)
    with caplog.at_level(logging.INFO, "casty.sharding"):
        for shard in range(10_000):
            story.tell("accounts", ShardLeaves(shard, A, ShardReason.removed))
        story.tell("accounts", ShardLeaves(3, B, ShardReason.rebalanced))
        assert lines(caplog) == []
        removed = "its node was removed from the cluster"
        ten = ", ".join(map(str, range(10)))
        await manual_time.advance(PERIOD)
        assert lines(caplog) == [
            f"region accounts: 10000 shards: {ten} and 9990 more taken from a:1#1 ({removed})",
            "region accounts: shard 3 taken from b:1#2 (to rebalance the shards)",
        ]
        await manual_time.advance(PERIOD)
        story.tell("accounts", NOTES[0])
        await manual_time.advance(PERIOD)
    assert len(lines(caplog)) == 3


async def test_what_happens_to_a_thousand_regions_is_one_line(
    actor_system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(actor_system.kernel)
    with caplog.at_level(logging.INFO, "casty.sharding"):
        for region in range(1_000):
            for shard in range(3):
                story.tell(f"region-{region}", ShardLeaves(shard, A, ShardReason.removed))
        for region in range(10):
            story.tell(f"region-{region}", ShardRuns(7, 5, ShardReason.removed))
        story.write()
    removed = "(its node was removed from the cluster)"
    ten = ", ".join(f"region-{number}" for number in range(10))
    assert lines(caplog) == [
        f"1000 regions: {ten} and 990 more: 3000 shards taken from a:1#1 {removed}",
        *(f"region region-{number}: shard 7 started on this node {removed}" for number in range(10)),
    ]


async def test_what_has_been_collected_is_logged_at_the_end(
    actor_system: ActorSystem, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(actor_system.kernel)
    with caplog.at_level(logging.INFO, "casty.sharding"):
        story.tell("acc\nounts", NOTES[1])
        story.write()
        await manual_time.advance(PERIOD)
    assert lines(caplog) == [r"region acc\nounts: shard 7 stopped on this node (its node leaves)"]


@pytest.mark.parametrize("reason", ShardReason)
async def test_each_reason_has_words(
    reason: ShardReason, actor_system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(actor_system.kernel)
    with caplog.at_level(logging.INFO, "casty.sharding"):
        story.tell("accounts", ShardRuns(7, 5, reason))
        story.write()
    assert len(lines(caplog)) == 1
