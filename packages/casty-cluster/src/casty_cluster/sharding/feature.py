"""Runs `Behaviors.sharded` on a cluster: the regions of one node."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import batched
from typing import Any, Final, final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Mailbox
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.clustered import MOST_SHARDS, RegionRef, ShardedBehavior
from casty.errors import ArgumentError, BehaviorError, DecodeError
from casty.events import ShardUnavailable
from casty.extension import Kernel, LocalRef, Shards, Throttle
from casty.interruption import described, raise_unless_failure
from casty.member import ClusterState, NodeId
from casty.printable import printable
from casty.regions import Rebalancing, RegionState
from casty.spi.cluster_feature import (
    ClusterFeature,
    ClusterNode,
    ReceiveMessage,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)

from casty_cluster.node.backlog import STEPS, Backlog
from casty_cluster.node.enduring import enduring, ignoring
from casty_cluster.protocol.sharding.overview import overview
from casty_cluster.remoting.delivery import Delivery
from casty_cluster.replication.feature import Copies
from casty_cluster.replication.region_copies import Outside
from casty_cluster.sharding.fences import Fences, Holding
from casty_cluster.sharding.lane import EntityLane
from casty_cluster.sharding.operators import REQUESTS, Operators
from casty_cluster.sharding.outbox import Outbox
from casty_cluster.sharding.post import MemberWire, Post
from casty_cluster.sharding.refs import ClusterEntityRef, ClusterRegionRef, checked_region, may_name_region
from casty_cluster.sharding.region import ClusterRegion
from casty_cluster.sharding.replicated import journal_of, replication_of
from casty_cluster.sharding.story import Story
from casty_cluster.sharding.strategies import Strategies
from casty_cluster.wire import codec, entities
from casty_cluster.wire.catalogue import SHARDING
from casty_cluster.wire.replication import CopyId
from casty_cluster.wire.sharding import Batch

logger = logging.getLogger("casty.sharding")

NAME: Final = "_sharding"
HAND_OFF_TIMEOUT: Final = 30.0
"""Seconds that a node which shuts down waits until its shards are handed over."""
MAX_REGIONS: Final = 10_000
"""Regions that a node remembers; those that it spawns, or that its own code names, are taken beyond it."""
QUIESCE_TIMEOUT: Final = 10.0
"""Seconds that it waits then until all that it has sent has arrived, and other nodes have copies that are needed."""


type Offer = Callable[[str], Callable[[], object] | None]


@final
class Sharding(ClusterFeature, Outside):
    """The regions that this node has heard of."""

    def __init__(self, node: ClusterNode, kernel: Kernel, delivery: Delivery, wire: MemberWire, copies: Copies) -> None:
        self.system_name = node.system_name
        self.clock = node.clock
        self.dead_letters = kernel.dead_letters
        self._node = node
        self._kernel = kernel
        self._delivery = delivery
        self._wire = wire
        self._outbox = Outbox(node.send, self._hear)
        self._lane = EntityLane(delivery, wire, self._foreign, self._connected)
        self._regions: dict[str, ClusterRegion] = {}
        self._operators = Operators(node, self._outbox)
        self._offers: list[Offer] = []
        self._guardian: LocalRef[Any] | None = None
        self._copies = copies
        self._fences = Fences(kernel, self._holding, copies.of)
        self._strategies = Strategies(kernel)
        self._story = Story(kernel)
        self._changed = asyncio.Event()
        self._throttle = Throttle(kernel.clock)
        self._backlog = Backlog()
        """What concerns many regions, or is said about one at length: membership and messages, in their order."""

    @property
    def regions(self) -> Mapping[str, ClusterRegion]:
        """By name."""
        return self._regions

    @property
    def guardian(self) -> LocalRef[Any]:
        assert self._guardian is not None, "references are made after the start"
        return self._guardian

    @override
    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        return {ShardedBehavior: self._spawn}

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {Batch: self._received}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {
            ShutdownPhase.stop_accepting: ShutdownTask(self._retire),
            ShutdownPhase.hand_off: ShutdownTask(self._hand_off, HAND_OFF_TIMEOUT),
            ShutdownPhase.stop_actors: ShutdownTask(self._quiesce, QUIESCE_TIMEOUT),
            ShutdownPhase.close: ShutdownTask(self._close),
        }

    @override
    async def start(self) -> None:
        self._strategies.check()
        guardian = self._node.spawn(ignoring(self.clock, NAME), NAME)
        assert isinstance(guardian, LocalRef)
        self._guardian = guardian
        self._delivery.take(entities.KINDS, self._lane)

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        local = None if view is None else view.local
        if local != self._lane.local:
            self._change_incarnation(local)
        if view is not None:
            self._backlog.add(self._show(view, list(self._regions.values())))
        self._operators.view_changed(view)

    def _change_incarnation(self, local: NodeId | None) -> None:
        """End the incarnation in all regions at once: none of them may act for it any more."""
        self._backlog.clear()
        self._outbox.belongs_to(local)
        self._lane.local = local
        for region in self._regions.values():
            self._safely(region, partial(region.see, None))
        self._changed.set()

    def _show(self, view: ClusterState, regions: Sequence[ClusterRegion]) -> Iterator[None]:
        for region in regions:
            self._safely(region, partial(region.see, view))
            yield
        self._changed.set()

    # For operators.

    def overviews(self) -> tuple[RegionState, ...]:
        """What this node knows of each region, by name."""
        view = self._node.view
        known = ((name, region.pair) for name, region in sorted(self._regions.items()))
        return tuple(
            overview(name, view, pair.region, pair.coordinator) for name, pair in known if view is not None and pair
        )

    async def shard_state(self, region: object, timeout: float) -> RegionState:
        return await self._operators.state(self._regions, region, timeout)

    async def rebalance(self, region: object, timeout: float) -> Rebalancing:
        return await self._operators.rebalance(self._regions, region, timeout)

    async def force_promote(self, region: object, shard: int, timeout: float) -> str:
        return await self._operators.force_promote(self._regions, region, shard, timeout)

    @property
    def hosting(self) -> list[str]:
        """The names of the regions of which shards run here."""
        return sorted(region.name for region in self._regions.values() if region.has_shards)

    # References and regions.

    def entity(self, region: str, entity_id: str) -> ActorRef[Any] | None:
        """A reference to an entity whose address has travelled; None for one that no entity can have, or a region too
        many.
        """
        known = self._foreign(region)
        try:
            return None if known is None else ClusterEntityRef(known, self, checked_entity_id(entity_id))
        except BehaviorError:
            return None

    def entity_ref(self, region: str, entity_id: str) -> ActorRef[Any]:
        """A reference to an entity of a region that need not be spawned on this node. Raises `ArgumentError` for a name
        that no region can have, and `BehaviorError` for an id that no entity can have.
        """
        return ClusterEntityRef(self._region(checked_region(region)), self, checked_entity_id(entity_id))

    def _intended(self, region: str, entity_id: str) -> ActorRef[Any]:
        """What a dead letter was for, whatever id and region another node has named."""
        return ClusterEntityRef(self._region(region), self, entity_id)

    def offer(self, starter: Offer) -> None:
        """Start regions that every node can run when this node hears of them: `starter` returns what spawns one, by its
        name, and None for others.
        """
        self._offers.append(starter)

    def _region(self, name: str, *, starts: bool = True) -> ClusterRegion:
        region = self._regions.get(name)
        if region is None:
            post = Post(name, self._kernel, self._delivery, self._wire, partial(self._intended, name))
            flush = partial(self._flush, name)
            strategy = partial(self._strategies.of, name)
            region = ClusterRegion(
                name, self._kernel, post, self._outbox, flush, strategy, self._story, self._changed.set
            )
            self._regions[name] = region
            # Before it reports to a coordinator, which would take it for a node that runs no shards of the region.
            for starter in self._offers if starts else ():
                if (spawn := starter(name)) is not None:
                    self._safely(region, spawn)
            region.see(self._node.view)
        return region

    def _foreign(self, name: str) -> ClusterRegion | None:
        """The region that another node has named; None for a name that no region can have, or a region too many: what
        others name must not fill the memory of this node.
        """
        known = self._regions.get(name)
        if known is not None or len(self._regions) >= MAX_REGIONS or not may_name_region(name):
            return known
        return self._region(name)

    def _flush(self, region: str, to: NodeId, shard: int, number: int) -> None:
        self._lane.flush(to, region, shard, number)

    def _spawn(self, behavior: ShardedBehavior[Any], name: str, mailbox: Mailbox | None) -> RegionRef[Any]:
        region = self._region(name, starts=False)
        num_shards = behavior.num_shards or self._kernel.settings.resolve(name).num_shards
        if region.num_shards not in (None, num_shards):
            raise ArgumentError(
                f"the region {name!r} has num_shards={region.num_shards} on other nodes of this cluster, and cannot be "
                f"spawned here with num_shards={num_shards}; use the same number on all nodes"
            )
        self._strategies.give(name, behavior.allocation)
        able, settings = self._runs(behavior), self._kernel.settings.resolve(name)
        wanted = replication_of(name, behavior, settings, self._kernel.journals) if able else None
        actor = self._node.spawn(_forwarding(lambda: ref, lambda: shards.end()), name, mailbox=Mailbox())
        assert isinstance(actor, LocalRef)
        shards = Shards[Any](actor, behavior, mailbox)
        ref = ClusterRegionRef[Any](region, self, actor)
        copies = None if wanted is None else self._copies.host(name, num_shards, wanted.journal, wanted.settings, self)
        self._fences.may_use(name, shards.settings.journal)
        if remembering := behavior.remember_entities:
            self._fences.uses(name, shards.settings.journal if remembering is True else remembering)
        # Not without a configured journal: factories are free to count what they make.
        if able and copies is None and settings.journal is not None and (used := journal_of(behavior, settings)):
            self._fences.warn(name, used)
        fence = partial(self._fences.claim, name)
        region.host(shards, fence, able=able, remembers=behavior.starts_by_itself, role=behavior.role, copies=copies)
        return ref

    # What copies ask of their node.

    @override
    def send(self, region: str, shard: int, sender: CopyId, to: CopyId, message: Any) -> None:
        self._copies.send(region, shard, sender, to, message)

    @override
    def unavailable(self, region: str, shard: int, reason: str) -> None:
        logger.warning("shard %d of %s is not available: %s", shard, region, reason)
        self._node.event_stream.publish(ShardUnavailable(region=region, shard=shard, reason=reason))

    @override
    def lost(self, region: str, shard: int, epoch: int, held: int | None) -> None:
        known = self._regions.get(region)
        if known is not None:
            known.lost_copy(shard, epoch, held)

    def _holding(self, name: str, shard: int) -> Holding | None:
        region = self._regions.get(name)
        return None if region is None else region.holding(shard)

    def _runs(self, behavior: ShardedBehavior[Any]) -> bool:
        """Whether this node runs shards of the region, or only sends messages to its entities."""
        return behavior.role is None or behavior.role in self._node.local.roles

    # What comes from other nodes.

    def _received(self, node: NodeId, batch: Batch) -> None:
        if not 1 <= batch.num_shards <= MOST_SHARDS:
            name = printable(batch.region)
            raise DecodeError(f"{node} has the region {name} with {batch.num_shards} shards, not 1 to {MOST_SHARDS:,}")
        region = self._foreign(batch.region)
        if region is None:
            raise DecodeError(
                f"{node} names a region {printable(batch.region)}, which no region can be called, or which is one "
                f"too many: this node knows {len(self._regions)} of at most {MAX_REGIONS}"
            )
        region.learn(batch.num_shards)
        self._backlog.add(self._read(region, node, batch.messages))

    def _read(self, region: ClusterRegion, node: NodeId, messages: Sequence[bytes]) -> Iterator[None]:
        for data in messages:
            try:
                message = codec.loads(data)
            except DecodeError as error:
                if self._throttle.admits((node, str(error))):
                    logger.warning("a message of %s about %s is dropped: %s", node, region.name, printable(error))
                continue
            if isinstance(message, SHARDING):
                self._take(region, node, message)
            yield

    def _hear(self, node: NodeId, name: str, messages: Sequence[Any]) -> None:
        """What this node has sent itself."""
        self._backlog.add(self._take_all(self._region(name), node, messages))

    def _take_all(self, region: ClusterRegion, node: NodeId, messages: Sequence[Any]) -> Iterator[None]:
        for message in messages:
            self._take(region, node, message)
            yield

    def _take(self, region: ClusterRegion, node: NodeId, message: Any) -> None:
        hear = partial(self._operators.hear, region) if isinstance(message, REQUESTS) else region.hear
        self._safely(region, partial(hear, node, message))

    def _connected(self, node: NodeId) -> None:
        self._backlog.add(self._reconnect(node, list(self._regions.values())))

    def _reconnect(self, node: NodeId, regions: Sequence[ClusterRegion]) -> Iterator[None]:
        for region in regions:
            self._safely(region, partial(region.connected, node))
            yield

    def _safely(self, region: ClusterRegion, step: Callable[[], object]) -> None:
        """Keep a failure of one step from the others: each of them counts for the protocol."""
        try:
            step()
        except BaseException as error:
            raise_unless_failure(error)
            if self._throttle.admits((region.name, type(error))):
                logger.error("the region %s: %s", region.name, described(error), exc_info=error)

    # The end of the node.

    async def _retire(self) -> None:
        await self._in_all(ClusterRegion.retire)

    async def _hand_off(self) -> None:
        """Until no shard runs here any more."""
        await self._until(lambda region: not region.has_shards, "shards of these regions were not handed over")

    async def _quiesce(self) -> None:
        """Until no message for an entity is under way to or from this node, and no shard rests on copies here."""
        await self._in_all(ClusterRegion.quiesce)
        otherwise = "this node leaves while messages are under way to these regions, or they need its copies"
        await self._until(lambda region: region.may_leave, otherwise)

    async def settle(self) -> None:
        """Until all that this node has sent to entities has arrived. It is about to leave: what follows is slower."""
        await self._in_all(ClusterRegion.quiesce)
        await self._until(lambda region: region.is_quiet, "what was sent to these regions may not have arrived")

    async def _in_all(self, step: Callable[[ClusterRegion], None]) -> None:
        for some in batched(list(self._regions.values()), STEPS):
            for region in some:
                step(region)
            await asyncio.sleep(0)

    async def _until(self, holds: Callable[[ClusterRegion], bool], otherwise: str) -> None:
        """Wait until it holds of all regions. Where that is cancelled, the others are logged."""
        try:
            while not all(map(holds, self._regions.values())):
                self._changed.clear()
                await self._changed.wait()
        except asyncio.CancelledError:
            late = sorted(region.name for region in self._regions.values() if not holds(region))
            logger.warning("%s: %s", otherwise, ", ".join(late))
            raise

    async def _close(self) -> None:
        self._backlog.clear()
        for region in self._regions.values():
            await region.close()
        self._story.write()


def _forwarding(ref: Callable[[], RegionRef[Any]], end: Callable[[], None]) -> Behavior[Any]:
    """The region's actor: takes envelopes of other nodes, and has the shards as its children."""

    async def forward(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        ref().tell(message)
        return Behaviors.same()

    async def stop(_: ActorContext[Any]) -> None:
        end()

    return enduring(Behaviors.with_lifecycle(Behaviors.receive(forward), post_stop=stop))
