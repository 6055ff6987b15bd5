"""One region on this node, through all incarnations of the node: the shell of its machines.

Every node that has heard of a region has its machines, also where the region is not spawned: then the node sends
messages to entities, and may coordinate, but runs no shard. A message whose entity has a known home takes a shortcut
around the machines: the tables of the sender and the owner say where it goes.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, final

from casty.errors import ActorStoppedError, NodeLostError, NodeUnreachableError, OverloadedError
from casty.extension import Claim as FenceClaim
from casty.extension import Entities, Kernel, LocalRef, Shards, shard_of
from casty.member import ClusterState, NodeId
from casty.regions import ShardReason
from casty.spi.allocation import AllocationStrategy

from casty_cluster.node.driver import Driver
from casty_cluster.protocol.sharding import held
from casty_cluster.protocol.sharding.effects import (
    Claim,
    Deliver,
    Drain,
    Drop,
    DropCause,
    Halt,
    ReportCopies,
    Run,
    SendUser,
    ShardArrives,
    ShardEnds,
    ShardLeaves,
    ShardRuns,
    Warn,
)
from casty_cluster.protocol.sharding.held import WHY, Held
from casty_cluster.protocol.sharding.inputs import (
    Bounced,
    Connected,
    Dispatch,
    Enable,
    Fenced,
    Quiesce,
    Received,
    Retire,
    Unsent,
)
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.replication.region_copies import RegionCopies
from casty_cluster.sharding.fences import Holding
from casty_cluster.sharding.flights import Flights
from casty_cluster.sharding.hosting import Hosting
from casty_cluster.sharding.letters import Letter
from casty_cluster.sharding.outbox import Outbox
from casty_cluster.sharding.pair import Effect, Pair
from casty_cluster.sharding.post import Post
from casty_cluster.sharding.story import Story
from casty_cluster.wire.entities import EntityFrame
from casty_cluster.wire.sharding import Bounce, Flush, FlushAck, HostPhase, Message, ShardCopies

OVERDUE: Final = "its ask was over before it could be sent to the next home of its shard"


@final
class ClusterRegion:
    """See the module. `num_shards` is None as long as this node does not know it."""

    def __init__(
        self,
        name: str,
        kernel: Kernel,
        post: Post,
        outbox: Outbox,
        flush: Callable[[NodeId, int, int], None],
        strategy: Callable[[], AllocationStrategy],
        story: Story,
        changed: Callable[[], None],
    ) -> None:
        """`flush` sends a flush with that number for a shard to a node; `strategy` makes the one for a coordinator;
        `changed` is called after each input.
        """
        self.name = name
        self.num_shards: int | None = None
        self.flights = Flights(kernel.asks)
        self._clock = kernel.clock
        self._post = post
        self._outbox = outbox
        self._flush = flush
        self._strategy = strategy
        self._changed = changed
        self._story = story
        self._pair: Pair | None = None
        self._held = Held[Letter]()
        self._holding: Driver[held.Input[Letter], held.Effect[Letter]] = Driver(
            self._held, kernel.clock, self._drop, remembered=0
        )
        self._shards: Shards[Any] | None = None
        self._hosting: Hosting | None = None
        self.copies: RegionCopies | None = None
        """Those of this node; None: the region is not replicated, or not spawned here."""
        self._able = self._remembers = False
        self._role: str | None = None
        """The role that the region was spawned with here, empty for none; None: it was not."""
        self._view: ClusterState | None = None

    # The region on this node.

    @property
    def pair(self) -> Pair | None:
        """None while this node is no member of a cluster, or does not know the number of shards."""
        return self._pair

    def host(
        self,
        shards: Shards[Any],
        fence: Callable[[int, ShardCopies | None], Coroutine[Any, Any, None]],
        *,
        able: bool,
        remembers: bool,
        role: str | None,
        copies: RegionCopies | None = None,
    ) -> None:
        """The region was spawned here; `able`: this node runs shards of it; `fence` claims the fence of one; `copies`:
        those of this node, where shards are replicated.
        """
        self._shards, self.copies = shards, copies
        self._hosting = Hosting(self.name, shards, fence, self._handle, self._story.throttle, copies)
        self._able, self._remembers, self._role = able, remembers, role or ""
        self.learn(shards.num_shards)
        if self._pair is not None:
            self._pair.coordinator.placement.strategy = self._strategy()
            if able:
                self._pair.handle(Enable(remembers, self._role, None if copies is None else copies.copying))

    def learn(self, num_shards: int) -> None:
        """Take the number of shards over, unless it is known."""
        if self.num_shards is None:
            self.num_shards = num_shards
            self._open()

    def see(self, view: ClusterState | None) -> None:
        """Follow the membership; None: this node is no member any more."""
        before, self._view = self._view, view
        if view is None or (self._pair is not None and self._pair.local != view.local):
            self._leave_cluster()
        if view is None:
            return
        if self._pair is None:
            self._open()
        else:
            self._pair.see(view)
        if before is not None:
            self.flights.lose({*before.others} - {*view.others})

    def lost_copy(self, shard: int, epoch: int, held: int | None) -> None:
        """The copy of this node is not the primary of the shard any more."""
        self._handle(Fenced(shard, epoch, held))

    def holding(self, shard: int) -> Holding | None:
        """The claim of a shard that this node was granted, and what takes the news that it is refused."""
        pair = self._pair
        epoch = None if pair is None else pair.region.owner.epoch_of(shard)
        if pair is None or epoch is None:
            return None
        claim = FenceClaim(f"shard/{self.name}/{shard}", f"{pair.local.uid:x}/{self.name}/{shard}", epoch)
        return claim, lambda held: pair.handle(Fenced(shard, epoch, held))

    def _open(self) -> None:
        """Make the machines of this incarnation, and send what has waited for them."""
        view, num_shards = self._view, self.num_shards
        if view is None or num_shards is None or self._pair is not None:
            return
        self._pair = Pair(
            view.local,
            num_shards,
            self._clock,
            self._carry_out,
            self._changed,
            able=self._able,
            remembers=self._remembers,
            role=self._role,
            copies=None if self.copies is None else self.copies.copying,
            strategy=self._strategy(),
        )
        self._pair.see(view)
        for kept in self._held.release():
            self.dispatch(kept.message)

    def _leave_cluster(self) -> None:
        """This incarnation is over. Its entities stop; messages that have not been sent wait for the next one."""
        pair, self._pair = self._pair, None
        if pair is None:
            return
        pair.end()
        self._tell_end(pair, ShardReason.downed)
        if self._hosting is not None:
            self._hosting.halt_all()
        self.flights.lose_all()
        for kept in pair.region.sender.close():
            self.dispatch(kept.message)

    # Messages of this node's actors.

    def shard(self, entity_id: str) -> int | None:
        """The shard of the entity; None: it is not known how many there are."""
        return None if self.num_shards is None else shard_of(entity_id, self.num_shards)

    def target(self, entity_id: str) -> bytes:
        """What names the entity in frames."""
        return self._post.target(entity_id)

    def place(self, entity_id: str, shard: int | None) -> LocalRef[Any] | None:
        """The actor that takes a message for the entity now; None: it may be on another node."""
        pair = self._pair
        if pair is None or shard is None:
            return None
        home = pair.home(shard)
        return self.entity_here(shard, entity_id) if home is not None and home.owner == pair.local else None

    def dispatch(self, letter: Letter) -> None:
        """Send a message to its entity, wherever that runs."""
        shard = letter.shard
        if shard is None:
            shard = letter.shard = self.shard(letter.entity)
        pair = self._pair
        if pair is None or shard is None:
            self._holding.handle(self._waiting(letter, 0))
        elif (home := pair.home(shard)) is None:
            pair.handle(self._waiting(letter, shard))
        elif home.owner != pair.local:
            self._send_to(home.owner, shard, home.epoch, letter)
        else:
            self._post.deliver(self.entities(shard), letter)

    def _send_to(self, node: NodeId, shard: int, epoch: int, letter: Letter) -> None:
        """Send it to the home of its shard, unless that was removed: of many regions, the last hears of it late."""
        if not self._post.send(node, shard, epoch, letter):
            self._take_back(node, shard, epoch, letter)

    def _take_back(self, node: NodeId, shard: int, epoch: int, letter: Letter) -> None:
        message = Message(shard=shard, epoch=epoch, entity=letter.entity, message=letter)
        self._handle(Unsent(node=node, message=message, size=self._post.size(letter), deadline=letter.due))

    def why_waiting(self, entity_id: str) -> str | None:
        """Why messages for the entity wait on this node; None: they do not."""
        pair, shard = self._pair, self.shard(entity_id)
        if pair is None or shard is None:
            return WHY
        why = pair.region.sender.why_waiting(shard)
        delay = None if self._hosting is None else self._hosting.delays.get(shard)
        return why if why is None or delay is None else f"its shard cannot start on this node yet: {delay}"

    def _waiting(self, letter: Letter, shard: int) -> Dispatch[Letter]:
        size = self._post.size(letter)
        return Dispatch(shard=shard, entity=letter.entity, message=letter, size=size, deadline=letter.due)

    # What comes from other nodes.

    def hear(self, node: NodeId, message: Any) -> None:
        """A system message of a member, or of this node."""
        if self._pair is not None:
            self._pair.hear(node, message)

    def accepts(self, shard: int, epoch: int) -> bool:
        """Whether a message that was sent to that home is for an entity here; if not, it goes back."""
        return self._pair is not None and self._pair.accepts(shard, epoch)

    def entities(self, shard: int) -> Entities | None:
        """Those of a shard that runs here."""
        return None if self._shards is None else self._shards.get(shard)

    def entity_here(self, shard: int, entity_id: str) -> LocalRef[Any]:
        """The actor of an entity of a shard that runs here. Raises `ActorStoppedError` if the region has stopped, and
        `BehaviorError` for an id that no entity can have.
        """
        found = self.entities(shard)
        if found is None:
            raise ActorStoppedError(f"the region {self.name} has stopped on this node")
        return found.ref(entity_id)

    def returned(self, node: NodeId, frame: EntityFrame, letter: Letter) -> None:
        """A message has come back from a node that does not accept it."""
        sent = self.flights.sent(frame.reply_uid, letter)
        if sent is None:
            self._post.drop(letter, OVERDUE)
        elif self._pair is not None:
            bounce = Bounce(shard=frame.shard, epoch=frame.epoch, entity=letter.entity, message=sent)
            self._pair.handle(Bounced(node=node, bounce=bounce, size=len(frame.body), deadline=sent.due))

    def unsent(self, node: NodeId, frame: EntityFrame, letter: Letter, reason: str) -> None:
        """The transport has dropped a message to a node, of which nothing has left this one."""
        sent = self.flights.sent(frame.reply_uid, letter)
        if sent is None:
            self._post.drop(letter, OVERDUE)
        elif self._pair is None:
            self._post.fail(sent, NodeUnreachableError(f"{node} cannot be reached: {reason}"))
        else:
            self._take_back(node, frame.shard, frame.epoch, sent)

    def flushed(self, node: NodeId, shard: int, number: int) -> None:
        self._handle(Received(node, FlushAck(shard, number)))

    def lost(self, letter: Letter, reply_uid: int, error: Exception) -> None:
        """A message will not reach its entity."""
        self._post.fail(self.flights.sent(reply_uid, letter) or letter, error)

    def connected(self, node: NodeId) -> None:
        self._handle(Connected(node))

    # The end of the node.

    def retire(self) -> None:
        if self._pair is not None:
            self._pair.coordinate(Retire())

    def quiesce(self) -> None:
        self._handle(Quiesce())

    @property
    def has_shards(self) -> bool:
        return self._pair is not None and len(self._pair.region.owner) > 0

    @property
    def is_quiet(self) -> bool:
        """Whether no message of this node waits or is under way, after `quiesce`."""
        return self._pair is None or self._pair.region.sender.is_quiet

    @property
    def may_leave(self) -> bool:
        return self._pair is None or self._pair.region.may_leave

    async def close(self) -> None:
        """The node has left its cluster: what waits here becomes dead letters."""
        self._holding.stop()
        kept = self._held.release()
        if self._pair is not None:
            self._pair.end()
            self._tell_end(self._pair, ShardReason.shutdown)
            kept = [*kept, *self._pair.region.sender.close()]
            self._pair = None
        for letter in kept:
            self._post.fail(letter.message, ActorStoppedError("this node has left its cluster"))
        if self._hosting is not None:
            await self._hosting.close()

    def _tell_end(self, pair: Pair, reason: ShardReason) -> None:
        """Tell operators of the shards that end with this incarnation."""
        for shard, epoch, phase in pair.region.owner.hosted:
            if phase is not HostPhase.starting:
                self._story.tell(self.name, ShardEnds(shard, epoch, reason))

    # Effects.

    def _handle(self, given: Any) -> None:
        if self._pair is not None:
            self._pair.handle(given)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendUser(to, Message(shard=shard, epoch=epoch, message=letter)):
                self._send_to(to, shard, epoch, letter)
            case SendUser(to, Flush(shard, number)):
                self._flush(to, shard, number)
            case SendUser():
                raise AssertionError("frames of other nodes are returned and acknowledged by the lane")
            case SendSystem(to, message):
                self._send(to, message)
            case Deliver(shard=shard, message=letter):
                self._post.deliver(self.entities(shard), letter)
            case Drop():
                self._drop(effect)
            case ShardRuns() | ShardEnds() | ShardLeaves() | ShardArrives():
                self._story.tell(self.name, effect)
            case Warn():
                self._story.warn(self.name, effect)
            case ReportCopies(coordinator, term, order):
                assert self.copies is not None, "a node without copies reports none"
                self.copies.report(term, order, partial(self._send, coordinator))
            case Claim() | Run() | Drain() | Halt():
                assert self._hosting is not None, "only a node that has the region is granted shards"
                self._hosting.carry_out(effect)

    def _send(self, to: NodeId, message: Any) -> None:
        assert self.num_shards is not None, "machines know how many shards there are"
        self._outbox.put(to, self.name, self.num_shards, message)

    def _drop(self, effect: Drop[Letter]) -> None:
        letter, reason = effect.message, effect.reason
        match effect.cause:
            case DropCause.overflow:
                self._post.fail(letter, OverloadedError(f"the region {self.name} is overloaded: {reason}"))
            case DropCause.expired:
                self._post.drop(letter, reason)
            case DropCause.late_bounce:
                self._post.fail(letter, NodeLostError(reason))
            case DropCause.unsent:
                self._post.fail(letter, NodeUnreachableError(reason))
