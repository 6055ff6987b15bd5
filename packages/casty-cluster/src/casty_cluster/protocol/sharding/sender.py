"""Routes messages for entities from one node to the homes of their shards: each reaches the one owner, in order.

Theory of operation. A home is an owner and an epoch. For each shard a sender knows no home, or sends to its home, or
flushes: it has left the home, and waits until nothing it has sent there is under way. It leaves a home when the first
message bounces, when it learns of a newer home, when the owner leaves the cluster, or when its own node does. It then
sends `Flush` behind its last message. The old home replies on the user lane, behind all that it has bounced: with the
reply, each message was either accepted there or is back. Then the returned messages go to the next home first, and
after them what was sent meanwhile. So no message overtakes another one of the same sender, without a barrier over all
nodes: each sender repairs its own order, and a sender without messages does nothing.

A message that the transport drops because the owner cannot be reached has not left this node: it waits here, as what
follows it does, and the sender flushes as well. If the owner replies, it can be reached again and the home is the same
one; else it is removed one day, or its shard moves. Unsent messages are newer than those that bounce, so they go behind
these. What another incarnation returns, started at the owner's address, was not sent to the owner either.

To oneself nothing is ever under way: a home on this node ends at once. A removed owner ends a flush, as no reply may
come; what was under way to it is lost with it.

A sender asks for a home whose epoch is higher than that of any home it has left (`after`). Thus an old reply cannot
send it back, and the coordinator does not reply with the home that has just bounced a message. It asks only while its
own node is up: all members know a node that is up, so that a later coordinator asks it to leave the homes on a node
that leaves the cluster. It repeats pending requests at each new coordinator, which knows nothing of the old one's.

Invariants: a home's epoch is higher than `after`; the next home's is higher still; messages wait only while their shard
has no home or its home is being left; where messages wait, the next home is known or asked for, as soon as possible.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from casty.member import NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.buffer import Buffer, Buffered
from casty_cluster.protocol.sharding.effects import Closed, Deliver, Drop, DropCause, Opened, SendUser
from casty_cluster.protocol.sharding.inputs import (
    Bounced,
    Connected,
    Dispatch,
    Follow,
    ForSender,
    Present,
    Quiesce,
    Received,
    Unsent,
)
from casty_cluster.protocol.sharding.routes import Home, Route, Routes
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import Timeouts, earliest
from casty_cluster.wire.sharding import Flush, FlushAck, Forget, Forgotten, GetHome, Message, ShardHome

CAPACITY: Final = 10_000
"""Messages of a region that wait for a home, of all shards together."""
MAX_BYTES: Final = 16 * 1024 * 1024
TELL_TIMEOUT: Final = 60.0
"""Seconds that a tell waits for a home. An ask waits until its own deadline."""
FLUSH_AGAIN: Final = 1.0
"""Seconds after which a flush is repeated: it or its reply may be lost with a connection."""


type _Given[M] = Dispatch[M] | Bounced[M] | Unsent[M]
type Effect[M] = SendSystem[GetHome | Forgotten] | SendUser[Message[M] | Flush] | Deliver[M] | Drop[M]


class Sender[M]:
    """The machine of one region on one incarnation of a node."""

    def __init__(self, local: NodeId, *, capacity: int = CAPACITY, max_bytes: int = MAX_BYTES) -> None:
        self._local = local
        self._coordinator: NodeId | None = None
        self._present = Present(frozenset((local,)), is_up=False)
        self._routes = Routes()
        self._buffer = Buffer[M](capacity, max_bytes)
        self._flushes = Timeouts[int](FLUSH_AGAIN)
        self._numbers = count(1)
        self._forgetting: dict[NodeId, int] = {}
        """Leavers that this node still has homes on, with the term in which it was asked to leave these."""
        self._quiesces = False
        self.refused_because: str | None = None
        """Why the coordinator finds no homes for this node, if so."""

    @property
    def is_quiet(self) -> bool:
        """Whether no message of this node waits or is under way."""
        return not self._buffer and not any(route.used or route.leaving for route in self._routes)

    @property
    def homes(self) -> Iterator[tuple[int, Home]]:
        """The known homes, by shard."""
        return ((route.shard, route.home) for route in self._routes if route.home is not None)

    def home(self, shard: int) -> Home | None:
        """The home that a message for the shard may be sent to now without `Dispatch`; None: dispatch it. The caller
        sends it at once, or hands it to the entity where the owner is the local node.
        """
        route = self._routes.get(shard)
        if route is None or route.leaving or route.home is None or self._quiesces:
            return None
        route.used = route.home.owner != self._local
        return route.home

    def why_waiting(self, shard: int) -> str | None:
        """Why messages for the shard wait on this node; None: they do not."""
        route = self._routes.get(shard)
        if route is not None and route.open_home is not None:
            return None
        if self.refused_because is not None:
            return self.refused_because
        if self._coordinator is None:
            return "no coordinator of the region has contacted this node"
        if not self._present.is_up:
            return "this node is not up yet"
        if route is not None and route.leaving:
            return route.why_leaving
        return (
            f"the coordinator {self._coordinator} has named no node for it: no member runs the region (look at its "
            "role), or one has not reported yet; `await system.shard_state(region)` shows which"
        )

    def handle(self, given: ForSender[M] | Tick, now: float) -> list[Effect[M]]:
        match given:
            case Dispatch():
                return self._dispatch(given, now)
            case Bounced():
                return self._bounced(given, now)
            case Unsent():
                return self._unsent(given, now)
            case Received(node, message):
                return self._received(node, message, now)
            case Opened(shard, epoch):
                return self._learn(shard, Home(self._local, epoch), now)
            case Closed(shard, epoch):
                return self._left_behind(self._routes.of(shard), Home(self._local, epoch), now)
            case Follow(coordinator):
                return self._follow(coordinator)
            case Present():
                return self._see(given, now)
            case Connected(node):
                return self._connected(node, now)
            case Quiesce():
                self._quiesces = True
                return [effect for route in self._routes for effect in self._settle(route, now)]
            case Tick():
                return self._tick(now)

    def next_deadline(self) -> float | None:
        return earliest(self._buffer.earliest_deadline(), self._flushes.next())

    def close(self) -> list[Buffered[M]]:
        """Return the messages that wait, because this machine ends."""
        return [message for shard in list(self._buffer.shards) for message in self._buffer.take(shard)]

    def validate(self) -> None:
        self._buffer.validate()
        self._routes.validate()
        for route in self._routes:
            assert (route.flush is None) == (route.shard not in self._flushes), f"flush without a time-out: {route}"
            assert route.flush is None or (route.home and route.home.owner != self._local), f"flushes itself: {route}"
            assert route.open_home is None or route.shard not in self._buffer, f"messages wait for nothing: {route}"
            assert not (self._can_ask and self._must_ask(route)), f"no home is looked for: {route}"

    def _received(self, node: NodeId, message: ShardHome | Forget | FlushAck, now: float) -> list[Effect[M]]:
        match message:
            case ShardHome() if message.owner == self._local:
                return []  # the owner of this node has announced it already, and knows whether it is the home still
            case ShardHome():
                return self._learn(message.shard, Home(message.owner, message.epoch), now)
            case Forget():
                return self._forget(message, now)
            case FlushAck():
                return self._acknowledged(node, message, now)

    # Messages

    def _dispatch(self, given: Dispatch[M], now: float) -> list[Effect[M]]:
        route = self._routes.of(given.shard)
        if (home := route.open_home) is not None:
            return [self._send(route, home, given.entity, given.message), *self._settle(route, now)]
        kept = self._kept(given.shard, given, given.entity, given.message, now)
        return [*self._overflow(self._buffer.wait(kept)), *self._ask(route)]

    def _bounced(self, given: Bounced[M], now: float) -> list[Effect[M]]:
        bounce = given.bounce
        shard, route = bounce.shard, self._routes.get(bounce.shard)
        if (owner := self._routes.succeeded(shard, bounce.epoch, given.node)) is not None:
            return self._unsent(given.unsent_to(owner), now)
        kept = self._kept(shard, given, bounce.entity, bounce.message, now)
        if route is None or route.home != Home(given.node, bounce.epoch):
            reason = f"{given.node} returned it after this node had left that home of shard {shard}"
            return [kept.drop(DropCause.late_bounce, reason)]
        route.stays = False
        leave = [] if route.leaving else self._leave(route, now)
        return [*leave, *self._overflow(self._buffer.put_back(kept)), *self._ask(route)]

    def _unsent(self, given: Unsent[M], now: float) -> list[Effect[M]]:
        message = given.message
        route, home = self._routes.of(message.shard), Home(given.node, message.epoch)
        kept = self._kept(message.shard, given, message.entity, message.message, now)
        # Its last home may have ended meanwhile, where no newer message has gone to a next one.
        if route.home != home and (route.home is not None or route.after != message.epoch):
            return [kept.drop(DropCause.unsent, f"{given.node} could not be reached, and is not its home any more")]
        effects: list[Effect[M]] = []
        if route.home is not None and not route.leaving:
            effects = self._leave(route, now)
            route.stays = True
        return [*effects, *self._overflow(self._buffer.put_back(kept, unsent=True)), *self._ask(route)]

    def _kept(self, shard: int, given: _Given[M], entity: str, message: M, now: float) -> Buffered[M]:
        deadline = now + TELL_TIMEOUT if given.deadline is None else given.deadline
        return Buffered(shard=shard, entity=entity, message=message, size=given.size, deadline=deadline)

    def _send(self, route: Route, home: Home, entity: str, message: M) -> Effect[M]:
        if home.owner == self._local:
            return Deliver(shard=route.shard, entity=entity, message=message)
        route.used = True
        return SendUser(home.owner, Message(shard=route.shard, epoch=home.epoch, entity=entity, message=message))

    # Homes

    def _learn(self, shard: int, home: Home, now: float) -> list[Effect[M]]:
        """The shard has that home, or had it a while ago."""
        route = self._routes.of(shard)
        if not self._is_newer(route, home):
            return []
        if route.home is None:
            return self._enter(route, home, now)
        route.asked = False
        if route.leaving:
            route.stays = False
            self._routes.point(route, route.home, home)
            return []
        if route.home.owner == self._local:
            return self._left(route, home, now)
        # What it was sent at its old home has to arrive there or come back before anything reaches the new one.
        self._routes.point(route, route.home, home)
        return self._leave(route, now)

    def _is_newer(self, route: Route, home: Home) -> bool:
        return home.epoch > route.newest

    def _enter(self, route: Route, home: Home, now: float) -> list[Effect[M]]:
        route.asked = False
        if home.owner not in self._present.members:
            # The coordinator has not seen the removal yet. It replies to the next request after it has.
            route.after = home.epoch
            return self._ask(route)
        self._routes.point(route, home, None)
        return self._send_all(route, home, now)

    def _send_all(self, route: Route, home: Home, now: float) -> list[Effect[M]]:
        sent = [self._send(route, home, kept.entity, kept.message) for kept in self._buffer.take(route.shard)]
        return [*sent, *self._settle(route, now)]

    def _leave(self, route: Route, now: float) -> list[Effect[M]]:
        """Send no more to the home, and learn when nothing is under way to it."""
        route.leaving, route.asked = True, False
        return self._flush(route, now)

    def _flush(self, route: Route, now: float) -> list[Effect[M]]:
        route.flush = next(self._numbers)
        return self._flush_again(route, now)

    def _settle(self, route: Route, now: float) -> list[Effect[M]]:
        """While this node leaves: learn when all that was sent has arrived. The home stays until a message bounces."""
        return self._flush(route, now) if self._quiesces and route.used and not route.leaving else []

    def _flush_again(self, route: Route, now: float) -> list[Effect[M]]:
        """Under the same number: a late reply to the first one counts, and a reply to neither ends another flush."""
        assert route.home is not None
        assert route.flush is not None
        self._flushes.start(route.shard, now)
        return [SendUser(route.home.owner, Flush(route.shard, route.flush))]

    def _connected(self, node: NodeId, now: float) -> list[Effect[M]]:
        pending = [route for route in self._routes.on(node) if route.flush and route.home and route.home.owner == node]
        return [effect for route in pending for effect in self._flush_again(route, now)]

    def _acknowledged(self, node: NodeId, reply: FlushAck, now: float) -> list[Effect[M]]:
        route = self._routes.get(reply.shard)
        if route is None or route.home is None or not self._is_reply(route, node, reply):
            return []
        if route.stays:
            return self._reopen(route, route.home, now)
        if route.leaving:
            return self._left(route, route.following, now)
        self._end_flush(route)
        return []

    def _reopen(self, route: Route, home: Home, now: float) -> list[Effect[M]]:
        """The home can be reached again."""
        route.leaving = route.stays = route.asked = False
        self._end_flush(route)
        return self._send_all(route, home, now)

    def _is_reply(self, route: Route, node: NodeId, reply: FlushAck) -> bool:
        # A repeated flush has two replies: the second one must not end the next flush, of the next home.
        return route.flush == reply.number and route.home is not None and route.home.owner == node

    def _end_flush(self, route: Route) -> None:
        route.flush, route.used = None, False
        self._flushes.stop(route.shard)

    def _left(self, route: Route, following: Home | None, now: float) -> list[Effect[M]]:
        """Nothing is under way to the home any more: go to the next one, or look for it."""
        assert route.home is not None
        route.after = max(route.after, route.home.epoch)
        route.leaving = route.stays = False
        self._end_flush(route)
        self._routes.point(route, None, None)
        onward = self._enter(route, following, now) if following else self._ask(route)
        return [*onward, *self._report_forgotten()]

    def _left_behind(self, route: Route, home: Home, now: float) -> list[Effect[M]]:
        """The home accepts no more messages, and nothing is under way to it any more, or will ever arrive."""
        if route.following == home:
            route.after = home.epoch
            self._routes.point(route, route.home, None)
            return self._ask(route)
        return self._left(route, route.following, now) if route.home == home else []

    # Coordinator

    @property
    def _can_ask(self) -> bool:
        return self._coordinator is not None and self._present.is_up

    def _must_ask(self, route: Route) -> bool:
        return not route.asked and not route.knows_home and route.shard in self._buffer

    def _ask(self, route: Route) -> list[Effect[M]]:
        """Request the next home, where messages wait for it."""
        if self._coordinator is None or not self._can_ask or not self._must_ask(route):
            return []
        route.asked = True
        return [SendSystem(self._coordinator, GetHome(route.shard, route.newest))]

    def _ask_for_all(self) -> list[Effect[M]]:
        return [effect for shard in self._buffer.shards for effect in self._ask(self._routes.of(shard))]

    def _follow(self, coordinator: NodeId) -> list[Effect[M]]:
        self._coordinator = coordinator
        self._forgetting.clear()
        for route in self._routes:
            route.asked = False
        return self._ask_for_all()

    def _forget(self, request: Forget, now: float) -> list[Effect[M]]:
        """Leave all homes on a node that leaves the cluster, and report when this is done."""
        leaver = request.leaver
        self._forgetting[leaver] = request.term
        effects: list[Effect[M]] = []
        for route in self._routes.on(leaver):
            if route.stays:
                route.stays = False
                effects += self._ask(route)
            if route.following is not None and route.following.owner == leaver:
                effects += self._left_behind(route, route.following, now)
            if route.open_home is not None and route.open_home.owner == leaver:
                effects += self._leave(route, now)
        return [*effects, *self._report_forgotten()]

    def _report_forgotten(self) -> list[Effect[M]]:
        if self._coordinator is None:
            return []
        done = [(leaver, term) for leaver, term in self._forgetting.items() if leaver not in self._routes.nodes]
        for leaver, _ in done:
            del self._forgetting[leaver]
        return [SendSystem(self._coordinator, Forgotten(term, leaver)) for leaver, term in done]

    # Members and time

    def _see(self, present: Present, now: float) -> list[Effect[M]]:
        before, self._present = self._present, present
        effects: list[Effect[M]] = []
        for node in [node for node in self._routes.nodes if node not in present.members]:
            effects += self._removed(node, now)
        if present.is_up and not before.is_up:
            effects += self._ask_for_all()
        return effects

    def _removed(self, node: NodeId, now: float) -> list[Effect[M]]:
        effects: list[Effect[M]] = []
        for route in self._routes.on(node):
            # The following home first: else this node would go there once the other one has ended.
            for home in (route.following, route.home):
                if home is not None and home.owner == node:
                    effects += self._left_behind(route, home, now)
        return effects

    def _tick(self, now: float) -> list[Effect[M]]:
        late = [self._routes.of(shard) for shard in self._flushes.expire(now)]
        again = [effect for route in late for effect in self._flush_again(route, now)]
        return [*again, *map(self._expired, self._buffer.expire(now))]

    def _expired(self, kept: Buffered[M]) -> Effect[M]:
        return kept.drop(DropCause.expired, f"shard {kept.shard} had no home in time: {self.why_waiting(kept.shard)}")

    def _overflow(self, dropped: Iterable[Buffered[M]]) -> list[Effect[M]]:
        return [kept.drop(DropCause.overflow, self._buffer.why_full) for kept in dropped]
