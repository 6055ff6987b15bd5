"""What operators do with the node of a cluster: look at its members and shards, move shards, drain it, down others."""

import asyncio
from abc import abstractmethod
from dataclasses import replace
from typing import Any, override

from casty import ActorSystem, RegionRef
from casty.errors import ArgumentError
from casty.member import ClusterState, Member, NodeId
from casty.regions import Rebalancing, RegionState

from casty_cluster.features.features import Features
from casty_cluster.node.node import Node
from casty_cluster.sharding.feature import Sharding


class OperatedSystem(ActorSystem):
    """The part of a `ClusteredActorSystem` that is for operators."""

    _draining: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def node(self) -> Node: ...

    @property
    @abstractmethod
    def features(self) -> Features: ...

    @property
    @abstractmethod
    def self_node(self) -> Member: ...

    @property
    @abstractmethod
    def members(self) -> tuple[Member, ...]: ...

    def get_cluster_state(self) -> ClusterState | None:
        """The view that this node has of its cluster, and of the regions of sharded behaviors; None while the node is
        not a member. It never waits. Only the node of a region's coordinator knows all of its shards. Another node
        knows those that it runs or sends messages to, and names the other nodes in `missing`; `shard_state` asks them.
        """
        view = self.node.views.current
        return view and replace(view, regions=self.features.find(Sharding).overviews())

    @override
    async def shard_state(self, region: RegionRef[Any] | str, timeout: float = 5.0) -> RegionState:
        """The shards of a region, given by its reference or its name: where each of them runs, how many of its entities
        are active, and which move. All nodes are asked; `missing` names those that have not replied within `timeout`
        seconds, or that the coordinator still waits for. The region need not be spawned on this node.

        Raises `ArgumentError` if this node knows no such region, and `JoinError` while it is not a member.
        """
        return await self.features.find(Sharding).shard_state(region, timeout)

    async def rebalance(self, region: RegionRef[Any] | str, timeout: float = 5.0) -> Rebalancing:
        """Start a round of rebalancing of a region now, instead of within ten seconds. Returns which shards begin to
        move, or why none do. Raises as `shard_state` does, and `TimeoutError` if the coordinator does not reply.
        """
        return await self.features.find(Sharding).rebalance(region, timeout)

    async def force_promote(
        self, region: RegionRef[Any] | str, shard: int, *, allow_data_loss: bool, timeout: float = 5.0
    ) -> None:
        """Have a replicated shard go on that is unavailable because copies are missing, with what the copies that are
        there have. Acknowledged events that only the missing ones have are lost, and if a missing primary still runs,
        what it acknowledges from now on. It is recorded in the shard's history for ever.

        For copies that are gone for good. Raises `ArgumentError` unless `allow_data_loss` is True, and where the shard
        cannot be promoted. Raises as `shard_state` does, and `TimeoutError` if the coordinator does not reply.
        """
        if allow_data_loss is not True:
            raise ArgumentError(
                "force_promote may lose acknowledged events of the shard: start the nodes of its missing copies, or "
                "accept it with allow_data_loss=True"
            )
        obstacle = await self.features.find(Sharding).force_promote(region, shard, timeout)
        if obstacle:
            raise ArgumentError(f"shard {shard} of {region} is not promoted: {obstacle}")

    async def drain(self) -> None:
        """Hand over the shards and singletons of this node, and take no new ones. The node remains a member, its other
        actors run, and it reaches entities on other nodes. There is no way back: what follows is `leave`, or the end of
        `async with`. A second call waits for the first one. Do not await it inside an entity or a singleton.

        Raises `TimeoutError` if shards still run here when their time has passed.
        """
        _ = self.features
        await asyncio.shield(self._start_to_drain())
        if left := self.features.find(Sharding).hosting:
            raise TimeoutError(f"shards of these regions were not handed over in time: {', '.join(left)}")

    def down(self, node: Member | NodeId | str) -> None:
        """Have a member downed that is dead or has to go at once, given as a `Member`, its `NodeId` or its name. What
        it runs restarts elsewhere. If it is alive it learns of this, and acts as its `when_downed` says. Raises
        `ArgumentError` if there is no such member.
        """
        member = self._member(node)
        if member is None:
            there = ", ".join(member.node_id for member in self.members)
            raise ArgumentError(
                f"down takes a member, its NodeId or its name, not {node!r}; members: {there or 'none'}"
            )
        self.node.down(member.node, f"an operator at {self.self_node.node} has ordered it")

    def _member(self, node: object) -> Member | None:
        return next((member for member in self.members if node in (member.node, member.node_id)), None)

    def _start_to_drain(self) -> asyncio.Task[None]:
        if self._draining is None:
            # A task's own constructor: an eager task factory would run it before it is stored.
            loop = asyncio.get_running_loop()
            self._draining = asyncio.Task(self.features.hand_over(), loop=loop, name="casty-drain")
        return self._draining
