"""Requests of operators about regions: sent to all nodes that have to reply, and answered for other nodes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched, count
from typing import Any, Final, final

from casty.errors import ArgumentError, JoinError
from casty.extension import region_name
from casty.member import ClusterState, NodeId
from casty.quantities import checked_seconds
from casty.regions import Rebalancing, RegionState, ShardMove
from casty.spi.cluster_feature import ClusterNode

from casty_cluster.protocol.sharding.coordinator import Phase
from casty_cluster.protocol.sharding.inputs import Rebalance, Received
from casty_cluster.protocol.sharding.oldest import host_of, present
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.sharding.survey import Survey
from casty_cluster.sharding.outbox import Outbox
from casty_cluster.sharding.pair import Pair
from casty_cluster.sharding.region import ClusterRegion
from casty_cluster.wire.sharding import Forced, ForcePromote, GetState, Rebalanced, RebalanceNow, StateReport

SHARDS: Final = 1_000
"""Shards in one report: they take at most 40 KB of the 60 KiB that a control message holds."""
NODES: Final = 150
"""Nodes in one report: they take at most 45 KB, with the longest host names."""
WAITING: Final = 40
REASON: Final = 1_000
"""Shards that wait for copies in one report, and characters of each reason: they take at most 42 KB."""
NO_COORDINATOR: Final = "no member coordinates: all of them leave, or none is up yet"

REQUESTS: Final = (GetState, StateReport, RebalanceNow, Rebalanced, ForcePromote, Forced)
"""What nodes send each other for operators."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A survey that a caller waits for."""

    survey: Survey
    over: asyncio.Event


@final
class Operators:
    """The requests of this node's operators, and its replies to those of others."""

    def __init__(self, node: ClusterNode, outbox: Outbox) -> None:
        self._node = node
        self._outbox = outbox
        self._numbers = count(1)
        self._looks: dict[int, _Look] = {}
        self._orders: dict[int, asyncio.Future[Rebalanced | Forced]] = {}

    def view_changed(self, view: ClusterState | None) -> None:
        """A member that was removed is not waited for; outside of a cluster, no reply can come."""
        for look in self._looks.values():
            if view is None:
                look.over.set()
            else:
                self._follow(look, present(view))

    async def state(self, regions: "dict[str, ClusterRegion]", region: object, timeout: float) -> RegionState:
        """The region as its nodes report it within `timeout` seconds; the result names those that do not."""
        checked_seconds(timeout, "timeout of shard_state")
        view, known, pair = self._find(regions, region)
        members = sorted(present(view))
        look = _Look(Survey(known.name, pair.region.num_shards, members), asyncio.Event())
        number = next(self._numbers)
        self._looks[number] = look
        try:
            for member in members:
                self._send(member, known, GetState(number))
            async with asyncio.timeout(timeout):
                await look.over.wait()
        except TimeoutError:
            pass  # the result says which nodes have not replied
        finally:
            del self._looks[number]
        return look.survey.result()

    async def rebalance(self, regions: "dict[str, ClusterRegion]", region: object, timeout: float) -> Rebalancing:
        """Have the coordinator start a round of rebalancing. Raises `TimeoutError` if it does not reply."""
        checked_seconds(timeout, "timeout of rebalance")
        reply = await self._order(regions, region, RebalanceNow, timeout)
        if reply is None:
            return Rebalancing(reason=NO_COORDINATOR)
        assert isinstance(reply, Rebalanced), "each order has a reply of its own"
        return Rebalancing(tuple(ShardMove(*move) for move in reply.moves), reply.reason)

    async def force_promote(
        self, regions: "dict[str, ClusterRegion]", region: object, shard: int, timeout: float
    ) -> str:
        """Have the coordinator promote the copies that are there. Returns why it does not; empty if it does. Raises as
        `rebalance` does.
        """
        checked_seconds(timeout, "timeout of force_promote")
        reply = await self._order(regions, region, lambda number: ForcePromote(number, shard), timeout)
        return NO_COORDINATOR if reply is None else reply.reason

    async def _order(
        self,
        regions: "dict[str, ClusterRegion]",
        region: object,
        order: Callable[[int], RebalanceNow | ForcePromote],
        timeout: float,
    ) -> Rebalanced | Forced | None:
        """The coordinator's reply to an order with that number; None: no member coordinates."""
        view, known, _ = self._find(regions, region)
        host = host_of(view)
        if host is None:
            return None
        number = next(self._numbers)
        outcome = self._orders[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(host.node, known, order(number))
            async with asyncio.timeout(timeout):
                return await outcome
        except TimeoutError:
            raise TimeoutError(
                f"{host.node}, which coordinates the region {known.name}, has not replied within {timeout:g} s; "
                "whether it carries the order out is unknown: shard_state shows it"
            ) from None
        finally:
            del self._orders[number]

    def hear(self, region: ClusterRegion, node: NodeId, message: Any) -> None:
        """One of `REQUESTS` from a member, or from this node."""
        match message:
            case GetState(number):
                for report in _reports(region, number):
                    self._send(node, region, report)
            case StateReport():
                look = self._looks.get(message.number)
                if look is not None:
                    look.survey.take(node, message)
                    if look.survey.is_over:
                        look.over.set()
            case RebalanceNow(number) if region.pair is not None:
                self._send(node, region, _rebalance(region.pair, number))
            case ForcePromote() if region.pair is not None:
                self._send(node, region, _force(node, region.pair, message))
            case Rebalanced() | Forced():
                outcome = self._orders.get(message.number)
                if outcome is not None and not outcome.done():
                    outcome.set_result(message)
            case _:
                pass

    def _find(self, regions: "dict[str, ClusterRegion]", region: object) -> tuple[ClusterState, ClusterRegion, Pair]:
        """The region of that name or reference. Raises `ArgumentError` where this node does not know it."""
        name, view = region_name(region), self._node.view
        if view is None:
            raise JoinError("this node is not a member of a cluster now; wait_for(1) waits until it is")
        known = regions.get(name)
        if known is None or known.pair is None:
            there = ", ".join(sorted(name for name, known in regions.items() if known.pair is not None))
            raise ArgumentError(
                f"this node knows no region {name!r}; it knows: {there or 'none'}. A region is known everywhere soon "
                "after the first node has spawned it"
            )
        return view, known, known.pair

    def _send(self, to: NodeId, region: ClusterRegion, message: Any) -> None:
        if region.num_shards is not None:
            self._outbox.put(to, region.name, region.num_shards, message)

    def _follow(self, look: _Look, members: Iterable[NodeId]) -> None:
        look.survey.removed(members)
        if look.survey.is_over:
            look.over.set()


def _reports(region: ClusterRegion, number: int) -> Iterator[StateReport]:
    """Each of them fits into a control message, however many shards and nodes there are."""
    pair = region.pair
    if pair is None:
        return
    for shards in batched(pair.region.owner.hosted, SHARDS):
        yield StateReport(number=number, hosted=tuple(_hosted(region, shard) for shard in shards), last=False)
    coordinator = pair.coordinator
    coordinates = coordinator.phase in (Phase.recovering, Phase.active)
    if coordinates:
        for moves in batched(coordinator.table.targets, NODES):
            yield StateReport(number=number, targets=moves, last=False)
        for nodes in batched(coordinator.census.eligible, NODES):
            yield StateReport(number=number, nodes=nodes, last=False)
        for nodes in batched(coordinator.census.missing, NODES):
            yield StateReport(number=number, missing=nodes, last=False)
    obstacles = (coordinator.obstacles if coordinates else {}) | (
        {} if region.copies is None else region.copies.obstacles
    )
    for shards in batched(((shard, why[:REASON]) for shard, why in obstacles.items()), WAITING):
        yield StateReport(number=number, unavailable=shards, last=False)
    yield StateReport(number=number, coordinates=coordinates)


def _hosted(region: ClusterRegion, hosted: Hosted) -> tuple[int, int, str, int]:
    entities = region.entities(hosted.shard)
    return hosted.shard, hosted.epoch, hosted.phase.value, 0 if entities is None else entities.counts.active


def _force(node: NodeId, pair: Pair, order: ForcePromote) -> Forced:
    coordinator = pair.coordinator
    if obstacle := coordinator.obstacle_to_force(order.shard):
        return Forced(order.number, obstacle)
    pair.coordinate(Received(node, order))
    return Forced(order.number, "")


def _rebalance(pair: Pair, number: int) -> Rebalanced:
    coordinator = pair.coordinator
    if obstacle := coordinator.obstacle:
        return Rebalanced(number, (), obstacle)
    pair.coordinate(Rebalance())
    moves = tuple((shard, coordinator.table.entries[shard].owner, to) for shard, to in coordinator.table.targets)
    return Rebalanced(number, moves, "" if moves else "the allocation strategy moves no shard: they are balanced")
