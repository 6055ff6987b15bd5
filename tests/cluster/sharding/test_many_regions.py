"""Hundreds of regions on one cluster: no turn of the event loop, and no log, grows with their number."""

import asyncio
import logging
import re
from collections import Counter
from typing import Any, NoReturn

import pytest
from casty import Behaviors
from casty.spi.allocation import Regions
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.node.backlog import STEPS
from casty_cluster.node.driver import Driver
from casty_cluster.sharding.feature import Sharding
from casty_cluster.sharding.region import ClusterRegion
from casty_cluster.sharding.story import LINES

from tests.cluster.sharding.accounts import Accounts, GetBalance
from tests.cluster.system.waiting import until

REGIONS = 4 * STEPS
NAMES = [f"region-{number}" for number in range(REGIONS)]


class Turns:
    """Counts calls of a method of all regions, by node and turn of the event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.calls = Counter[tuple[object, int]]()
        self._turn = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._next)
        original = getattr(ClusterRegion, method)

        def counted(region: ClusterRegion, *arguments: Any) -> Any:
            self.calls[region._story, self._turn] += 1
            return original(region, *arguments)

        monkeypatch.setattr(ClusterRegion, method, counted)

    @property
    def most(self) -> int:
        """The most calls on one node in one turn. A turn here may meet the end of one of the node's and the start of
        the next.
        """
        self._handle.cancel()
        assert self.calls.total() >= REGIONS, "not all regions were called"
        return max(self.calls.values())

    def _next(self) -> None:
        self._turn += 1
        self._handle = self._loop.call_soon(self._next)


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a look at each machine after each of thousands of inputs."""
    monkeypatch.setattr(Driver, "validates", False)


class Failing:
    """An allocation strategy."""

    def allocate(self, shard: int, regions: Regions) -> NoReturn:
        raise LookupError

    def rebalance(self, regions: Regions, limit: int) -> NoReturn:
        raise LookupError


async def spawn_all(accounts: Accounts, node: ClusteredActorSystem) -> None:
    for name in NAMES:
        accounts.spawn(node, name, num_shards=2)
        await asyncio.sleep(0)


async def spawn_on_all(*nodes: ClusteredActorSystem) -> None:
    """Return when all coordinators, on the first node, know that all nodes run shards."""
    accounts = Accounts()
    for node in nodes:
        await spawn_all(accounts, node)
    pairs = [region.pair for region in nodes[0].features.find(Sharding).regions.values()]
    await until(lambda: all(pair and len(pair.coordinator.census.eligible) == len(nodes) for pair in pairs))


async def ask_all(node: ClusteredActorSystem) -> None:
    asks = (node.entity_ref(name, f"e{number}").ask(GetBalance, timeout=120.0) for name in NAMES for number in range(4))
    assert set(await asyncio.gather(*asks)) == {0}


async def test_a_view_reaches_a_limited_number_of_regions_in_each_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as cluster:
        await spawn_all(Accounts(), cluster[0])
        turns = Turns(monkeypatch, "see")
        node = await cluster.add_node()
        assert turns.most <= 2 * STEPS
        await ask_all(node)


async def test_messages_about_all_regions_are_handled_over_several_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        await spawn_all(accounts, first)
        turns = Turns(monkeypatch, "hear")
        await ask_all(second)
        assert turns.most <= 2 * STEPS


@pytest.mark.parametrize("ends", ["its node leaves", "its node was removed from the cluster"])
async def test_the_end_of_a_node_is_few_lines_of_the_log(ends: str, caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(2) as (first, second):
        await spawn_on_all(first, second)
        await ask_all(first)
        lost = second.self_node.node
        assert second.features.find(Sharding).hosting == sorted(NAMES)
        with caplog.at_level(logging.INFO, "casty.sharding"):
            if ends == "its node leaves":
                await second.leave()
            else:
                second.node.fall_silent()
                first.node.down(lost)
            await ask_all(first)
            first.features.find(Sharding)._story.write()
        lines = [record.getMessage() for record in caplog.records if record.name == "casty.sharding"]
        # Where a second ends meanwhile, there are two lines about them, and few regions in one have lines of their own.
        taken = re.findall(rf"(?:(\d+) shards|shard \d+) taken from {lost} \({ends}\)", "\n".join(lines))
        assert sum(int(count or 1) for count in taken) == REGIONS, lines
        assert len(lines) < 30, lines


async def test_a_node_that_was_downed_ends_its_part_in_all_regions_at_once() -> None:
    async with DevelopmentCluster(2) as (first, second):
        await spawn_on_all(first, second)
        await ask_all(first)
        regions = second.features.find(Sharding).regions.values()
        assert all(region.pair is not None for region in regions)
        before = second.self_node.node
        first.node.down(before)
        await until(lambda: second.node.views.current is None)
        assert all(region.pair is None for region in regions)
        await until(lambda: second.node.views.current is not None)
        await ask_all(second)
        assert second.self_node.node != before


async def test_a_warning_about_hundreds_of_regions_is_a_few_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(1) as (node,):
        for name in NAMES:
            node.spawn(Behaviors.sharded(lambda _: Behaviors.ignore(), num_shards=1, allocation=Failing()), name)
            node.entity_ref(name, "e").tell("start")
        regions = node.features.find(Sharding).regions
        await until(lambda: all(region.has_shards for region in regions.values()))
    lines = [line for line in caplog.messages if "the allocation strategy Failing raised" in line]
    assert len(lines) == LINES
