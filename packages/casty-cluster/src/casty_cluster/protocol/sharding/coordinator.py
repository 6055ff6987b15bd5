"""Decides which node runs each shard of a region: one coordinator at a time, on the oldest member, nothing stored.

Theory of operation. The term of a coordinator is its node's number of coming up: hosts that follow each other have
growing ones, so terms are unique without storage. It starts with `Hello` to every member, joining ones too: they may be
up for others already, and be asked to leave the homes on a leaver. Each member reports its shards, which promises to
drop what older coordinators still have under way. Only when all have reported does the coordinator act: a grant that no
member reports is void, while one that a missing report contains would be granted twice. A member that does not report
is downed in the end if it is unreachable; homes in use keep working meanwhile.

Each grant has an epoch above all that are known of its shard, and above `term << GRANTS`, thus above all that an older
coordinator can have granted. A home is announced only after its owner has started: a message that arrived earlier would
bounce, and one behind it would be accepted. A shard that moves is granted again only after its owner has stopped it or
was removed. A hand-off is never taken back: the shard gets a new epoch, perhaps on the same node. Of two reports of a
shard the higher epoch is true; the other one is of a member that was removed elsewhere.

A member that leaves hands off its shards and is granted no more; then each member leaves its homes there (`Forget`);
when all have, no message is under way to the leaver, and it may stop. A coordinator on a leaver retires before its node
announces that it leaves. Its successor asks all members anew, so nothing is handed over.

A request for a home that cannot be answered is kept, at most one of each member for each shard, and served at the first
change that helps. Work for a change is in proportion to the shards that it concerns, not to their number in all.

Invariants: a shard has one owner; only members own shards; only granted shards have a time-out; while the coordinator
acts and a region is there, no shard without owner is asked for.
"""

from typing import Final

from casty.member import ClusterState, NodeId
from casty.regions import ShardReason
from casty.spi.allocation import AllocationStrategy

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.allocation import LeastShards
from casty_cluster.protocol.sharding.census import REPORT_TIMEOUT, Census
from casty_cluster.protocol.sharding.effects import ShardArrives, ShardLeaves, Warn
from casty_cluster.protocol.sharding.inputs import Rebalance, Received, Retire, Viewed
from casty_cluster.protocol.sharding.lateness import late_report, late_start
from casty_cluster.protocol.sharding.leavers import Leavers
from casty_cluster.protocol.sharding.mismatch import mismatch
from casty_cluster.protocol.sharding.oldest import host_of, leaving
from casty_cluster.protocol.sharding.phase import Phase as Phase
from casty_cluster.protocol.sharding.placement import Placement
from casty_cluster.protocol.sharding.requests import Requests
from casty_cluster.protocol.sharding.table import Allotment, Entry, Table, allotment
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import Timeouts, earliest
from casty_cluster.wire.sharding import (
    CopyOrder,
    CopyReport,
    ForcePromote,
    Forget,
    Forgotten,
    GetHome,
    Grant,
    HandOff,
    Hello,
    MayStop,
    Refused,
    Register,
    Report,
    ShardHome,
    Started,
    Stopped,
)

START_TIMEOUT: Final = 30.0
"""Seconds that a region has to start a shard, before another one gets it."""
REBALANCE_INTERVAL: Final = 10.0
GRANTS: Final = 20
"""Bits of an epoch that count the grants of a term. The others hold the term, which is a time in milliseconds."""

type FromRegion = Report | Register | GetHome | Started | Refused | Stopped | Forgotten | CopyReport | ForcePromote
type Input = Received[FromRegion] | Viewed | Retire | Rebalance
type ToRegion = SendSystem[Hello | ShardHome | Grant | HandOff | Forget | MayStop | CopyOrder]
type Effect = ToRegion | Warn | ShardLeaves | ShardArrives


class Coordinator:
    """The machine of one region on one incarnation of a node. It does nothing until the node is the oldest one."""

    def __init__(self, local: NodeId, num_shards: int, strategy: AllocationStrategy | None = None) -> None:
        self.phase = Phase.idle
        self.table = Table()
        self._local = local
        self._num_shards = num_shards
        self._eager = False
        """Whether all shards are granted, not only those that are asked for: they may have remembered entities."""
        self._term = 0
        self._census = Census(local)
        self.placement = Placement(strategy or LeastShards(), self.table, self._census)
        self._requests = Requests()
        self._unserved: dict[int, None] = {}
        """Shards without owner that wait for a region to run them."""
        self._leavers = Leavers()
        self._late_starts = Timeouts[int](START_TIMEOUT)
        self._rebalance_at: float | None = None

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Viewed(state):
                effects = self._see(state, now)
            case Received(node, message):
                effects = self._received(node, message, now) if self._hears(node) else []
            case Retire():
                return self._retire()
            case Rebalance():
                effects = self._rebalance()
            case Tick():
                effects = self._tick(now)
        return [*effects, *self._progress(now)] if self._is_at_work else effects

    def next_deadline(self) -> float | None:
        return earliest(self._census.late.next(), self._late_starts.next(), self._rebalance_at)

    def validate(self) -> None:
        self.table.validate()
        strangers = [entry for entry in self.table.entries.values() if entry.owner not in self._census.members]
        assert not strangers, f"owners are no members: {strangers}"
        for shard in self._late_starts:
            entry = self.table.get(shard)
            assert entry is not None, f"shard {shard} has a time-out and no owner"
            assert entry.state is Allotment.granting, f"shard {shard} has a time-out: {entry}"
        assert not (self._census.eligible and self._unserved), f"regions are there, and {self._unserved} wait for one"

    @property
    def census(self) -> Census:
        return self._census

    @property
    def obstacle(self) -> str:
        """Why no round of rebalancing can start now; empty if one can."""
        if self.phase is Phase.active:
            return self.placement.obstacle
        return f"the coordinator {self._local} is {self.phase.value}"

    @property
    def _is_at_work(self) -> bool:
        return self.phase in (Phase.recovering, Phase.active)

    def _hears(self, node: NodeId) -> bool:
        return self._is_at_work and node in self._census.members

    # Members

    def _see(self, state: ClusterState, now: float) -> list[Effect]:
        if self.phase is Phase.retired:
            return []
        gone = self._census.see(state)
        if self._local in leaving(state):
            return self._retire()
        host = host_of(state)
        if self.phase is Phase.idle:
            if host is None or host.node != self._local:
                return []
            self.phase, self._term = Phase.recovering, host.up_number
        for node in gone:
            self._leavers.removed(node)
            self._requests.drop(node)
        hello = Hello(self._term, self._num_shards)
        greetings = [SendSystem(node, hello) for node in self._census.greet(now)]
        return [*greetings, *(effect for node in gone for effect in self._reallot(node, now))]

    def _retire(self) -> list[Effect]:
        """The next coordinator learns all that counts from the regions; pending requests are repeated to it."""
        self.phase = Phase.retired
        for memory in (self.table, self._requests, self._unserved, self._leavers, self._census.late, self._late_starts):
            memory.clear()
        self._rebalance_at = None
        return []

    # Messages

    def _received(self, node: NodeId, message: FromRegion, now: float) -> list[Effect]:
        match message:
            case Report():
                return self._report(node, message, now)
            case Register():
                self._census.register(node)
                return self._learn_spawned(node, message, now)
            case GetHome(shard, after):
                return self._get_home(node, shard, after, now)
            case Started(shard, epoch):
                return self._started(node, shard, epoch, now)
            case Refused(shard, epoch) | Stopped(shard, epoch):
                if isinstance(message, Refused):
                    self._learn_held(shard, message.held)
                return self._stopped(node, shard, epoch, now)
            case Forgotten(term, leaver):
                if term == self._term:
                    self._leavers.forgotten(leaver, node)
                return []
            case CopyReport() | ForcePromote():
                return []

    def _report(self, node: NodeId, report: Report, now: float) -> list[Effect]:
        if report.term != self._term or not self._census.awaits(node):
            return []
        fits = report.num_shards == self._num_shards
        for hosted in report.hosted if fits else ():
            self._adopt(node, *hosted, now)
        if not self._completes(report):
            return []
        self._census.count(node, report, fits=fits)
        if fits:
            return self._learn_spawned(node, report, now)
        return [Warn(mismatch(node, report.num_shards, self._local, self._num_shards), "num_shards")]

    def _completes(self, report: Report) -> bool:
        return report.last

    def _adopt(self, node: NodeId, shard: int, epoch: int, phase: str, now: float) -> None:
        if not 0 <= shard < self._num_shards:
            return
        self.table.know(shard, epoch)
        entry = self.table.get(shard)
        if entry is not None and entry.owner != node and not self._is_truer(epoch, entry):
            return
        self._put(shard, Entry(node, epoch, allotment(phase)), now)

    def _is_truer(self, epoch: int, entry: Entry) -> bool:
        # The lower one is of a member that was removed where the higher one was granted.
        return epoch > entry.epoch

    def _put(self, shard: int, entry: Entry, now: float) -> None:
        self.table.put(shard, entry)
        self._late_starts.stop(shard)
        if entry.state is Allotment.granting:
            self._late_starts.start(shard, now)

    def _get_home(self, node: NodeId, shard: int, after: int, now: float) -> list[Effect]:
        if not 0 <= shard < self._num_shards or not self._census.serves(node):
            return []
        self._requests.add(shard, node, after)
        return self._serve(shard, now)

    def _match(self, node: NodeId, shard: int, epoch: int) -> Entry | None:
        """The entry that an outcome is about: of two outcomes of a grant, the second must not end the next grant."""
        entry = self.table.get(shard)
        return entry if entry is not None and entry.owner == node and entry.epoch == epoch else None

    def _started(self, node: NodeId, shard: int, epoch: int, now: float) -> list[Effect]:
        entry = self._match(node, shard, epoch)
        if entry is None or entry.state is not Allotment.granting:
            return []
        entry.state = Allotment.owned
        self._late_starts.stop(shard)
        return [*self.table.found(shard), *self._answer(shard, entry)]

    def _learn_held(self, shard: int, held: int) -> None:
        """The fence is older than this cluster, or of a coordinator whose grant no live member has reported."""
        self.table.know(shard, held)

    def _stopped(self, node: NodeId, shard: int, epoch: int, now: float) -> list[Effect]:
        entry = self._match(node, shard, epoch)
        return [] if entry is None else self._free(shard, entry, ShardReason.fenced, now)  # unless it was ordered

    # Shards

    def _free(self, shard: int, entry: Entry, reason: ShardReason, now: float) -> list[Effect]:
        """The owner does not run the shard any more, for that reason unless it was to stop it."""
        self.table.lose(shard, reason)
        self._late_starts.stop(shard)
        return self._allot(shard, entry.target, now) if entry.target is not None else self._serve(shard, now)

    def _reallot(self, removed: NodeId, now: float) -> list[Effect]:
        reason, effects = ShardReason.removed, list[Effect]()
        for shard in list(self.table.on(removed)):
            effects.append(ShardLeaves(shard, removed, reason))
            effects += self._free(shard, self.table.entries[shard], reason, now)
        return effects

    def _serve(self, shard: int, now: float) -> list[Effect]:
        """Answer the members that ask for the shard, or find an owner for them."""
        if self.phase is not Phase.active:
            return []
        entry = self.table.get(shard)
        if entry is not None:
            return self._answer(shard, entry)
        return self._allot(shard, None, now) if self._is_wanted(shard) else []

    def _is_wanted(self, shard: int) -> bool:
        return self._eager or shard in self._requests

    def _answer(self, shard: int, entry: Entry) -> list[Effect]:
        if self.phase is not Phase.active or entry.state is not Allotment.owned:
            return []
        home = ShardHome(term=self._term, shard=shard, owner=entry.owner, epoch=entry.epoch)
        return [SendSystem(node, home) for node in self._requests.answer(shard, entry.epoch)]

    def _allot(self, shard: int, target: NodeId | None, now: float) -> list[Effect]:
        """Grant the shard to the target, or to another region if that one is gone."""
        if self.phase is not Phase.active:
            return []
        self._unserved.pop(shard, None)
        if not self._census.eligible:
            if self._is_wanted(shard):
                self._unserved[shard] = None
            return []
        if target is not None and target in self._census.eligible:
            return self._grant(shard, target, now)
        chosen, warnings = self.placement.choose(shard)
        return [*warnings, *(self._grant(shard, chosen, now) if chosen else [])]

    def _grant(self, shard: int, node: NodeId, now: float) -> list[Effect]:
        epoch = self._next_epoch(shard)
        self._put(shard, Entry(node, epoch, Allotment.granting), now)
        reason = self.table.why_lost(shard) or (ShardReason.remembered if self._eager else ShardReason.requested)
        return [SendSystem(node, Grant(self._term, shard, epoch, reason.value))]

    def _next_epoch(self, shard: int) -> int:
        return max(self._term << GRANTS, self.table.highest(shard)) + 1

    def _hand_off(self, shard: int, target: NodeId | None, reason: ShardReason) -> list[Effect]:
        """Have the owner stop the shard. What follows waits for that, or for the removal of the owner."""
        self._late_starts.stop(shard)
        entry = self.table.move(shard, target, reason)
        order = HandOff(self._term, shard, entry.epoch, reason.value)
        return [SendSystem(entry.owner, order), ShardLeaves(shard, entry.owner, reason)]

    # What has become possible

    def _progress(self, now: float) -> list[Effect]:
        """Do what the last input has made possible."""
        effects: list[Effect] = []
        if self.phase is Phase.recovering:
            if not self._has_all_reports:
                return []
            effects += self._start_acting(now)
        return [*effects, *self._serve_late(now), *(e for node in self._census.leavers for e in self._lead_out(node))]

    @property
    def _has_all_reports(self) -> bool:
        return self._census.is_complete

    def _start_acting(self, now: float) -> list[Effect]:
        self.phase = Phase.active
        self._rebalance_at = now + REBALANCE_INTERVAL
        shards = range(self._num_shards) if self._eager else self._requests.shards
        return [effect for shard in shards for effect in self._serve(shard, now)]

    def _learn_spawned(self, node: NodeId, said: Report | Register, now: float) -> list[Effect]:
        """Where the region remembers its entities, no shard waits any more until it is asked for."""
        problem = self._census.compare_role(node, said.role)
        effects: list[Effect] = [] if problem is None else [Warn(problem, "role")]
        if self._eager or not said.remembers:
            return effects
        self._eager = True
        return [*effects, *(effect for shard in range(self._num_shards) for effect in self._serve(shard, now))]

    def _serve_late(self, now: float) -> list[Effect]:
        if not self._census.eligible:
            return []
        return [effect for shard in list(self._unserved) for effect in self._allot(shard, None, now)]

    def _lead_out(self, leaver: NodeId) -> list[Effect]:
        """See to it that the member can leave without a loss."""
        effects: list[Effect] = []
        if self._leavers.start(leaver):
            effects += self._hand_off_all(leaver)
        if self.table.on(leaver):
            return effects
        forget = Forget(self._term, leaver)
        effects += [SendSystem(node, forget) for node in self._leavers.ask(leaver, self._census.reported)]
        if self._leavers.release(leaver):
            effects.append(SendSystem(leaver, MayStop(self._term)))
        return effects

    def _hand_off_all(self, node: NodeId) -> list[Effect]:
        shards = [shard for shard in self.table.on(node) if self.table.entries[shard].state is not Allotment.moving]
        return [effect for shard in shards for effect in self._hand_off(shard, None, ShardReason.leaving)]

    # Time

    def _tick(self, now: float) -> list[Effect]:
        recovering = self.phase is Phase.recovering
        effects: list[Effect] = [
            Warn(late_report(node, self._local, REPORT_TIMEOUT, recovering=recovering), "late report")
            for node in self._census.late.expire(now)
        ]
        for shard in list(self._late_starts.expire(now)):
            effects += self._start_elsewhere(shard)
        if self._rebalance_at is not None and now >= self._rebalance_at:
            self._rebalance_at = now + REBALANCE_INTERVAL
            effects += self._rebalance()
        return effects

    def _start_elsewhere(self, shard: int) -> list[Effect]:
        """The owner may start it all the same until it has replied to the hand-off."""
        entry = self.table.entries[shard]
        target, warnings = self.placement.choose(shard, without=entry.owner)
        text = late_start(entry.owner, shard, entry.epoch, START_TIMEOUT, target)
        return [Warn(text, "late start"), *warnings, *self._hand_off(shard, target, ShardReason.late)]

    def _rebalance(self) -> list[Effect]:
        if self.phase is not Phase.active:
            return []
        moves, warnings = self.placement.round(self._num_shards)
        orders = (self._hand_off(shard, target, ShardReason.rebalanced) for shard, target in moves)
        return [*warnings, *(effect for order in orders for effect in order)]
