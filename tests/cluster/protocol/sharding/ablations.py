"""The clauses of the protocol, each switched off in turn: an exploration that does not notice proves nothing.

`python -m tests.cluster.protocol.sharding.ablations` prints which seed of which scenario notices each of them, and
`... ablations 1000 flush uid` searches all scenarios for seeds that notice these.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from casty.member import NodeId
from casty.regions import ShardReason
from casty_cluster.protocol.sharding.buffer import Buffer, Buffered
from casty_cluster.protocol.sharding.census import Census
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.effects import Closed, Deliver, Opened, Run
from casty_cluster.protocol.sharding.inputs import Bounced, Unsent
from casty_cluster.protocol.sharding.leavers import Leavers
from casty_cluster.protocol.sharding.owner import Hosting, Owner
from casty_cluster.protocol.sharding.region import Region
from casty_cluster.protocol.sharding.routes import Home, Route
from casty_cluster.protocol.sharding.sender import Sender
from casty_cluster.protocol.sharding.table import Allotment, Entry
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import FlushAck, GetHome, Grant, HostPhase, Message

from tests.cluster.protocol.exploring import Ablation, notice_by_command
from tests.cluster.protocol.sharding.explorer import explore
from tests.cluster.protocol.sharding.node import Node, Shard
from tests.cluster.protocol.sharding.scenarios import SCENARIOS
from tests.cluster.protocol.sharding.world import World

type Patch = AbstractContextManager[object]


def _always(*_: object) -> bool:
    return True


def _never(*_: object) -> bool:
    return False


def _nowhere(*_: object) -> None:
    return None


def _nothing(*_: object) -> list[Any]:
    return []


def _is(value: bool) -> property:
    return property(lambda _: value)


# The sender


def _ask_before_up(self: Sender[Any]) -> bool:
    return self._coordinator is not None


def _ask_from_zero(self: Sender[Any], route: Route) -> list[Any]:
    if self._coordinator is None or not self._can_ask or not self._must_ask(route):
        return []
    route.asked = True
    return [SendSystem(self._coordinator, GetHome(route.shard, 0))]


def _take_any_home(self: Sender[Any], route: Route, home: Home) -> bool:
    return route.home is None or home.epoch > route.newest


def _follow_without_asking_again(self: Sender[Any], coordinator: NodeId) -> list[Any]:
    self._coordinator = coordinator
    self._forgetting.clear()
    return self._ask_for_all()


def _leave_without_flush(self: Sender[Any], route: Route, now: float) -> list[Any]:
    return self._left(route, route.following, now)


def _end_flush_by_any_reply(self: Sender[Any], route: Route, node: NodeId, reply: FlushAck) -> bool:
    return route.flush is not None and route.home is not None and route.home.owner == node


def _do_not_repeat(self: Sender[Any], route: Route, now: float) -> list[Any]:
    self._flushes.start(route.shard, now)
    return []


def _take_late_bounces(self: Sender[Any], given: Bounced[Any], now: float) -> list[Any]:
    bounce = given.bounce
    route = self._routes.of(bounce.shard)
    if route.home == Home(given.node, bounce.epoch):
        return _BOUNCED(self, given, now)
    if route.open_home is not None:
        return [self._send(route, route.open_home, bounce.entity, bounce.message)]
    self._buffer.put_back(self._kept(bounce.shard, given, bounce.entity, bounce.message, now))
    return self._ask(route)


def _enter_without_leaving(self: Sender[Any], shard: int, home: Home, now: float) -> list[Any]:
    route = self._routes.of(shard)
    if route.open_home is None or not self._is_newer(route, home):
        return _LEARN(self, shard, home, now)
    self._routes.point(route, home, None)
    return []


def _return_what_was_not_sent(self: Buffer[Any], message: Buffered[Any], *, unsent: bool = False) -> list[Any]:
    return _PUT_BACK(self, message)


def _stay_at_an_old_home(self: Sender[Any], shard: int, home: Home, now: float) -> list[Any]:
    route = self._routes.of(shard)
    stays = route.stays
    effects = _LEARN(self, shard, home, now)
    route.stays = stays and route.leaving
    return effects


def _put_back_late(self: Sender[Any], given: Unsent[Any], now: float) -> list[Any]:
    message = given.message
    route = self._routes.of(message.shard)
    if route.home == Home(given.node, message.epoch) or route.open_home is None:
        return _UNSENT(self, given, now)
    return [self._send(route, route.open_home, message.entity, message.message)]


def _keep_flushing(self: Sender[Any], node: NodeId, now: float) -> list[Any]:
    routes = [route for route in self._routes.on(node) if not route.leaving]
    return [effect for route in routes if route.home for effect in self._left_behind(route, route.home, now)]


def _waiting_first(self: Buffer[Any], shard: int) -> list[Buffered[Any]]:
    returned = len(self._returned.get(shard, ()))
    taken = _TAKE(self, shard)
    return taken[returned:] + taken[:returned]


# The owner and the region


def _accept_any_epoch(self: Owner[Any], shard: int, epoch: int) -> bool:
    hosting = self._hosted.get(shard)
    return hosting is not None and hosting.phase is HostPhase.running


def _start_instead(self: Owner[Any], node: NodeId, message: Message[Any]) -> list[Any]:
    if message.shard in self._hosted:
        return _BOUNCE(self, node, message)
    self._hosted[message.shard] = Hosting(message.epoch, HostPhase.running, ShardReason.other)
    delivery = Deliver(shard=message.shard, entity=message.entity, message=message.message)
    return [Run(message.shard, message.epoch), delivery]


def _stop_without_draining(self: Owner[Any], shard: int, reason: ShardReason, now: float) -> list[Any]:
    hosting = self._hosted[shard]
    if hosting.phase is not HostPhase.running:
        return _CLOSE(self, shard, reason, now)
    return [*self._halt(shard, hosting, "it was handed off"), *self._stopped(shard, hosting.epoch)]


def _reply_on_the_link(self: Region[Any], node: NodeId, reply: FlushAck) -> list[Any]:
    return [SendSystem(node, reply)]


def _take_grants_while_leaving(self: Region[Any], node: NodeId, message: Any, now: float) -> Any:
    leaves, self._leaves = self._leaves, False
    effects = _RECEIVED(self, node, message, now)
    self._leaves = leaves
    return effects


def _do_not_tell_the_sender(self: Region[Any], effects: list[Any], now: float) -> Iterator[Any]:
    kept = [effect for effect in effects if not isinstance(effect, Closed)]
    return _LINKED(self, kept, now)


# The coordinator


def _majority(self: Coordinator) -> bool:
    census = self._census
    return len(census.reported) > len(census._missing)


def _greet_only_up(self: Census) -> frozenset[NodeId]:
    return _TO_GREET(self) & {member.node for member in self.state.up}


def _epoch_without_term(self: Coordinator, shard: int) -> int:
    return self.table.highest(shard) + 1


def _grant_before_stopped(self: Coordinator, shard: int, target: NodeId | None, reason: ShardReason) -> list[Any]:
    return [*_HAND_OFF(self, shard, target, reason), *self._free(shard, self.table.entries[shard], reason, 0.0)]


def _announce_at_once(self: Coordinator, shard: int, node: NodeId, now: float) -> list[Any]:
    granted = _GRANT(self, shard, node, now)
    entry = self.table.entries[shard]
    entry.state = Allotment.owned
    self._late_starts.stop(shard)
    return [*granted, *self._answer(shard, entry)]


def _match_owner_only(self: Coordinator, node: NodeId, shard: int, epoch: int) -> Entry | None:
    entry = self.table.get(shard)
    return entry if entry is not None and entry.owner == node else None


def _forget_at_once(self: Leavers, leaver: NodeId, members: object) -> list[NodeId]:
    self._pending[leaver] = {}
    return []


def _free_and_forget(self: Coordinator, removed: NodeId, now: float) -> list[Any]:
    for shard in list(self.table.on(removed)):
        self.table.remove(shard)
        self._late_starts.stop(shard)
    return []


@contextmanager
def _resume() -> Generator[None]:
    """A hand-off whose target is removed is taken back: the owner runs on at the same epoch."""

    def see(self: Coordinator, state: Any, now: float) -> list[Any]:
        effects = _SEE(self, state, now)
        for shard, entry in list(self.table.entries.items()):
            if entry.state is Allotment.moving and entry.target and entry.target not in self._census.members:
                self.table.put(shard, Entry(entry.owner, entry.epoch, Allotment.owned))
                effects += [SendSystem(entry.owner, Grant(self._term, shard, entry.epoch)), *self._serve(shard, now)]
        return effects

    def granted(self: Owner[Any], grant: Grant) -> list[Any]:
        shard, epoch = grant.shard, grant.epoch
        if not self._is(shard, epoch, HostPhase.draining):
            return _GRANTED(self, grant)
        self._hosted[shard].phase = HostPhase.running
        self._drains.stop(shard)
        return [Run(shard, epoch), Opened(shard, epoch)]

    def run(self: World, node: Node, number: int, epoch: int) -> None:
        shard = node.shards.get(number)
        if shard is None or shard.epoch != epoch:
            _RUN(self, node, number, epoch)
        else:
            shard.drains = False

    with (
        patch.object(Coordinator, "_see", see),
        patch.object(Owner, "_granted", granted),
        patch.object(World, "_run", run),
    ):
        yield


@contextmanager
def _all(*patches: Patch) -> Generator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def _drained_but_for_passivating(self: Shard) -> bool:
    return self.drains and not any(entity.mailbox for entity in self.entities.values() if not entity.passivates)


_BOUNCED, _LEARN, _UNSENT = Sender[Any]._bounced, Sender[Any]._learn, Sender[Any]._unsent
_TAKE, _PUT_BACK = Buffer[Any].take, Buffer[Any].put_back
_BOUNCE, _CLOSE, _GRANTED = Owner[Any]._bounce, Owner[Any]._close, Owner[Any]._granted
_RECEIVED, _LINKED, _TO_GREET = Region[Any]._received, Region[Any]._linked, Census._to_greet
_HAND_OFF, _GRANT, _SEE, _RUN = Coordinator._hand_off, Coordinator._grant, Coordinator._see, World._run


def _off(owner: type, name: str, mutant: object) -> Callable[[], Patch]:
    return lambda: patch.object(owner, name, mutant)


ABLATIONS: dict[str, Ablation] = {
    "promise": (_off(Region, "_follows", _always), "backpressure", 88),
    "all_reports": (_off(Coordinator, "_has_all_reports", _is(True)), "crash4", 0),
    "majority": (_off(Coordinator, "_has_all_reports", property(_majority)), "leave4", 0),
    "ask_joining": (_off(Census, "_to_greet", _greet_only_up), "joincrash2", 229),
    "ask_when_up": (_off(Sender, "_can_ask", property(_ask_before_up)), "lateview", 459),
    "term_epoch": (_off(Coordinator, "_next_epoch", _epoch_without_term), "crash4", 0),
    "higher_wins": (_off(Coordinator, "_is_truer", _always), "conflict", 8524),
    "reask": (_off(Sender, "_follow", _follow_without_asking_again), "crash3", 0),
    "wait_stopped": (_off(Coordinator, "_hand_off", _grant_before_stopped), "move3", 0),
    "drain": (_off(Owner, "_close", _stop_without_draining), "move3", 0),
    "bounce": (_off(Owner, "_bounce", _nothing), "move3", 0),
    "bounce_only": (_off(Owner, "_bounce", _start_instead), "move3", 0),
    "stamp": (_off(Owner, "accepts", _accept_any_epoch), "passivation", 8),
    "flush": (_off(Sender, "_leave", _leave_without_flush), "move3", 0),
    "ack_in_lane": (_off(Region, "_acknowledge", _reply_on_the_link), "move3", 0),
    "fid": (_off(Sender, "_is_reply", _end_flush_by_any_reply), "reflush", 79),
    "resend": (_off(Sender, "_flush_again", _do_not_repeat), "break3", 0),
    "stale_bounce": (_off(Sender, "_bounced", _take_late_bounces), "latebounce", 3505),
    "returned_first": (_off(Buffer, "take", _waiting_first), "move3", 0),
    "leave_by_flush": (_off(Sender, "_learn", _enter_without_leaving), "move3", 0),
    "unsent": (_off(Sender, "_unsent", _nothing), "unsent3", 1),
    "unsent_behind": (_off(Buffer, "put_back", _return_what_was_not_sent), "unsent3", 13),
    "stays": (_off(Sender, "_learn", _stay_at_an_old_home), "unsent3", 53),
    "unsent_late": (_off(Sender, "_unsent", _put_back_late), "unsentr", 101),
    "removal_ends_flush": (_off(Sender, "_removed", _keep_flushing), "mix4j", 24),
    "after": (_off(Sender, "_ask", _ask_from_zero), "conflict", 4),
    "after_none": (
        lambda: _all(patch.object(Sender, "_ask", _ask_from_zero), patch.object(Sender, "_is_newer", _take_any_home)),
        "spin",
        325,
    ),
    "after_started": (_off(Coordinator, "_grant", _announce_at_once), "move3", 0),
    "epoch_match": (_off(Coordinator, "_match", _match_owner_only), "refusal", 12),
    "forget": (_off(Leavers, "ask", _forget_at_once), "leave3", 0),
    "quiesce": (_off(Sender, "is_quiet", _is(True)), "leave3", 0),
    "claim": (
        lambda: _all(patch.object(World, "refused_at", _nowhere), patch.object(World, "is_fenced", _never)),
        "fence3",
        78,
    ),
    "refused": (_off(Coordinator, "_learn_held", _nothing), "oldfence", 0),
    "uid": (_off(World, "is_for", _always), "restart", 1570),
    "failover": (_off(Coordinator, "_reallot", _free_and_forget), "crash3", 0),
    "serve_late": (_off(Coordinator, "_serve_late", _nothing), "latest", 1),
    "resume": (_resume, "crash3", 212),
    "retire": (_off(Coordinator, "_retire", _nothing), "leave3", 0),
    "last_chunk": (_off(Coordinator, "_completes", _always), "shards8", 0),
    "local_close": (_off(Region, "_linked", _do_not_tell_the_sender), "move3", 0),
    "leaver_grants": (_off(Region, "_received", _take_grants_while_leaving), "leave3", 0),
    "passivation": (_off(Shard, "has_drained", property(_drained_but_for_passivating)), "passivation", 122),
}
"""By clause, named as in `handoff.md` §5 as far as it is there: how to switch it off, and a scenario and the first of
the seeds that notice. `stopped_always` is not among them: what it does is left to the tests of the owner.
"""


if __name__ == "__main__":
    notice_by_command(explore, ABLATIONS, SCENARIOS)
