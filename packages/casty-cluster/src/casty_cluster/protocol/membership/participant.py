"""The part of one member in its cluster, from its admission until it is out.

Theory of operation. A member keeps a `GossipState` and exchanges it with the others (`exchange`). By itself it changes
four things in it: which members it cannot reach, which nodes it admits, which members it downs, and that it leaves.
While it is the leader of a state that all members have seen, it also makes members up and removes them (`leader`).
When members cannot be reached, a strategy decides which side of the partition survives (`split`); clusters that were
formed apart become one (`cluster_merge`). A member that learns that it was downed or removed is out at once: the other
members have taken it for dead for a while already.

Messages for another incarnation or of another cluster do not count, nor do those of a downed node, which is notified.

Invariants: this node is a member that is not down, or it is out. A member's status only moves forward, and a removed
node never returns. No two members have the same up_number. Only this node has written its row of the reachability
table. The nodes in `seen` and in the table are members; those with a count in the clock are members or have a
tombstone, and no node is both. This node has seen its own state, and the clock never goes back.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from casty.address import PeerAddress
from casty.member import MemberStatus, NodeId
from casty.spi.downing import Acquire, DowningStrategy
from casty.spi.downing import Down as Decided

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.admission import admit, refusal
from casty_cluster.protocol.membership.announcing import Announcer
from casty_cluster.protocol.membership.cluster_merge import ClusterMerge, dissolve, downed_notice, gives_way_to_half
from casty_cluster.protocol.membership.effects import (
    AcquireLease,
    Cause,
    Effect,
    Ignored,
    MemberDowned,
    Out,
    Rejected,
    Send,
    Undecided,
)
from casty_cluster.protocol.membership.exchange import Exchanged, GossipExchange
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import (
    ConnectFailed,
    Down,
    Input,
    LeaseDecided,
    Leave,
    Received,
    Replaced,
    Start,
    Suspects,
)
from casty_cluster.protocol.membership.leader import lead
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.membership.split import SplitWatch, view_of
from casty_cluster.wire.membership import (
    Answer,
    Digest,
    Dissolve,
    Downed,
    Goodbye,
    Gossip,
    Join,
    Presence,
    Probe,
    Refusal,
)

HELD_UP: Final = 1.0
"""Seconds by which a deadline is missed only if the whole process was held up."""


class Participant:
    """The machine of one member. It handles the inputs of `Membership` once this node has been admitted."""

    def __init__(
        self,
        local: NodeId,
        state: GossipState,
        now: float,
        *,
        seed_set: tuple[PeerAddress, ...],
        settings: MembershipSettings,
        strategy: DowningStrategy | None,
        random: Random,
    ) -> None:
        self._local = local
        self._state = state
        self._settings = settings
        self._exchange = GossipExchange(local, settings, random, now)
        self._merge = ClusterMerge(local, seed_set, settings, random=random, now=now)
        self._split = SplitWatch(strategy, settings)
        self._announcer = Announcer(local)
        self._suspects = Suspects(frozenset())
        self._leave_by = float("inf")
        self._version = state.reachability.row(local).version
        self._effects: list[Effect] = []
        self._reasons: dict[NodeId, str] = {}
        """Why this node has downed members in the course of this input."""
        self._before = state
        """The state before the last input."""
        self.is_out = False

    @property
    def state(self) -> GossipState:
        return self._state

    def next_deadline(self) -> float:
        split = self._split.next_deadline()
        deadlines = (self._exchange.next_deadline(), self._merge.next_deadline(), self._leave_by)
        return min(deadlines) if split is None else min(split, *deadlines)

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        # A process that was held up has missed the news of that time: it must not decide from what it knew before.
        if now - self.next_deadline() > HELD_UP:
            self._split.restart(now)
        self._before = self._state
        self._reasons.clear()
        match given:
            case Received():
                self._receive(given, now)
            case Suspects():
                self._suspects = given
            case Leave():
                self._leave(now)
            case Down(node, reason):
                self._down((node,), reason, now)
            case LeaseDecided(acquire, won):
                self._decide(self._split.lease_decided(acquire, won=won), now)
            case Tick():
                self._tick(now)
            case Replaced(by):
                self._replaced(by)
            case Start() | ConnectFailed():
                pass
        self._follow_up(now)
        effects, self._effects = self._effects, []
        return effects

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        state = self._state
        if state is not self._before:
            state.validate(self._before)
        if not self.is_out:
            assert self._local in state.alive, "neither a member nor out"
            assert self._local in state.seen, "this node has not seen its own state"
            row = state.reachability.row(self._local)
            assert row.version == self._version, "another node has written the row of this node"

    def _receive(self, received: Received, now: float) -> None:
        sender, message = received.sender, received.message
        match message:
            case Gossip(to) if self._is_for_me(sender, to):
                self._exchanged(self._exchange.receive(self._state, received, message, now))
            case Digest(to) if self._is_for_me(sender, to):
                self._exchanged(self._exchange.receive_digest(self._state, sender, message, now))
            case Probe():
                self._effects += self._merge.probed(self._state, sender, message)
            case Answer(to, presence) if self._is_for_me(sender, to):
                self._answered(sender, presence, now)
            case Join(to) if self._is_for_me(sender, to):
                self._join(sender, message, now)
            case Downed(to) if self._is_for_me(sender, to):
                self._downed(sender, message, now)
            case Goodbye(cluster):
                if cluster == self._state.cluster:
                    self._down((sender,), "it is of another cluster", now)
            case Dissolve(cluster, contact):
                if cluster == self._state.cluster and sender in self._state.alive:
                    contacts = (PeerAddress(*contact), *self._others())
                    self._go("its cluster gives way to a larger one", contacts, cause=Cause.gave_way)
            case Gossip() | Digest() | Answer() | Join() | Downed() | Refusal():
                pass

    def _is_for_me(self, sender: NodeId, to: int) -> bool:
        if to != self._local.uid:
            self._ignore(sender, "it is meant for another incarnation of this node")
        return to == self._local.uid

    def _ignore(self, sender: NodeId, reason: str) -> None:
        self._effects.append(Ignored(sender, reason))

    def _exchanged(self, exchanged: Exchanged) -> None:
        self._state = exchanged.state
        self._effects += exchanged.effects
        if exchanged.is_removed:
            self._removed()

    def _answered(self, sender: NodeId, presence: Presence, now: float) -> None:
        if self._merge.must_give_way(self._state, sender, presence, now):
            self._dissolve(sender, presence.size)

    def _join(self, sender: NodeId, join: Join, now: float) -> None:
        if self._state.is_gone(sender):
            self._effects.append(downed_notice(self._state, sender))
            return
        if sender not in self._state.members:
            if refused := refusal(self._state, self._settings, self._local, sender, join):
                self._effects += [Send(sender, refused), Rejected(sender, refused.reason)]
                return
            self._change(admit(self._state, sender, join, now), now)
        # A member that asks again has not received the state yet: it has no other way to learn of its admission.
        self._effects.append(Send(sender, compact.write(self._state, sender, now)))

    def _downed(self, sender: NodeId, notice: Downed, now: float) -> None:
        if notice.cluster != self._state.cluster:
            self._ignore(sender, "it is of another cluster")
        elif sender not in self._state.members and sender not in self._state.tombstones:
            if self._merge.is_other_half(self._state, sender, now) and gives_way_to_half(self._state, notice):
                self._dissolve(sender, notice.size)
            else:
                self._ignore(sender, "it is no member of this cluster")
        elif not self._state.is_gone(sender):
            self._removed()
        # Both sides have downed each other. One of them has to give way, or there would be two clusters for ever.
        elif gives_way_to_half(self._state, notice):
            self._dissolve(sender, notice.size)
        else:
            self._effects.append(downed_notice(self._state, sender))

    def _dissolve(self, contact: NodeId, size: int) -> None:
        self._effects += dissolve(self._state, self._local, contact)
        reason = f"its cluster of {len(self._state.alive)} gives way to one of {size}"
        self._go(reason, (contact.address, *self._others()), cause=Cause.gave_way)

    def _replaced(self, by: NodeId) -> None:
        """Two processes use this address. The newer one is the node from now on, and this one must not rejoin."""
        if by not in self._state.members:
            self._ignore(by, "only a member can report that this node has been replaced")
            return
        where = f"{self._local.address}, as {by} reports"
        advice = "give each process an address of its own (advertised_host, advertised_port)"
        self._go(f"another process has been started with this node's address, {where}; {advice}", cause=Cause.replaced)

    def _removed(self) -> None:
        """The other members have removed or downed this node."""
        self._go("it has left" if self._is_leaving else "the other members have downed it")

    @property
    def _is_leaving(self) -> bool:
        return self._leave_by < float("inf")

    def _leave(self, now: float) -> None:
        if not self._is_leaving:
            self._leave_by = now + self._settings.leave_timeout
            own = self._state.members[self._local]
            self._change(self._state.set(replace(own, status=MemberStatus.leaving)), now)

    def _tick(self, now: float) -> None:
        if now >= self._leave_by:
            self._down((self._local,), "it leaves, and the other members have not confirmed that in time", now)
            return
        self._exchanged(self._exchange.tick(self._state, now))
        self._effects += self._merge.tick(self._state, now)
        match self._split.decide(now):
            case Acquire() as acquire:
                self._effects.append(AcquireLease(acquire))
            case decision:
                self._decide(decision, now)
        if failure := self._split.take_failure():
            self._effects.append(Undecided(failure))

    def _decide(self, decision: Decided | None, now: float) -> None:
        if decision is not None:
            self._down(sorted(decision.nodes), decision.reason, now)

    def _down(self, nodes: Sequence[NodeId], reason: str, now: float) -> None:
        alive, others = self._state.alive, self._others()
        down = [replace(alive[node], status=MemberStatus.down) for node in nodes if node in alive]
        if down:
            self._reasons |= dict.fromkeys((member.node for member in down), reason)
            self._change(self._state.set(*down), now)
        if self._local in nodes:
            # The others of this side come to the same decision; told of it now, they need not wait for it.
            for node in sorted(self._state.members.keys() - {self._local}):
                self._effects.append(Send(node, compact.write(self._state, node, now)))
            self._go(f"it has downed itself: {reason}", others)

    def _change(self, state: GossipState, now: float) -> None:
        """Make `state` the one that this node gossips. All changes of its own go through here: merges must not."""
        self._state = state.changed_by(self._local)
        self._exchange.changed(now)

    def _others(self) -> tuple[PeerAddress, ...]:
        return tuple(node.address for node in sorted(self._state.alive.keys() - {self._local}))

    def _go(self, reason: str, contacts: tuple[PeerAddress, ...] | None = None, *, cause: Cause = Cause.downed) -> None:
        """Be out, for good. `contacts`: where the cluster may be without this node; by default, the other members."""
        if not self.is_out:
            self.is_out = True
            out = Out(reason, cause, contacts=self._others() if contacts is None else contacts)
            # A node that leaves anyway has left, whatever else happened to it meanwhile.
            self._effects.append(Out(reason, Cause.left) if self._is_leaving else out)

    def _follow_up(self, now: float) -> None:
        """Do what follows from the state, whichever input has led to it."""
        if not self.is_out and self._local not in self._state.alive:
            self._removed()
        if not self.is_out and self._is_leaving and len(self._state.alive) == 1:
            self._go("it has left, as the last one")
        if self.is_out:
            return
        # Members may have admitted two incarnations of this address at the same time: once merged, both are members.
        namesakes = [node for node in self._state.alive if node.address == self._local.address and node != self._local]
        self._down(namesakes, "this node is the newer incarnation at its address", now)
        self._observe(now)
        self._explain()
        self._lead(now)
        self._effects += self._announcer.announce(self._state)
        self._watch_split(now)

    def _explain(self) -> None:
        """Report why members are down that were not before this input."""
        for node in self._state.downed_since(self._before):
            why = self._reasons.get(node) or self._split.why(node)
            self._effects.append(MemberDowned(node, why or "another member has decided it"))

    def _observe(self, now: float) -> None:
        state = self._state
        # A failure detector forgets downed members: that is no reason to call them reachable.
        downed = state.reachability.row(self._local).unreachable - state.alive.keys()
        observed = state.observe(self._local, downed | (self._suspects.nodes & state.alive.keys() - {self._local}))
        if observed.reachability is not state.reachability:
            self._version += 1
            self._change(observed, now)

    def _lead(self, now: float) -> None:
        while (led := lead(self._state, self._local, now, self._settings.first_number)) is not self._state:
            self._effects += self._announcer.announce(self._state)  # no member disappears without a last status
            removed = sorted(self._state.members.keys() - led.members.keys())
            self._change(led, now)
            self._effects += [downed_notice(self._state, node) for node in removed]

    def _watch_split(self, now: float) -> None:
        state = self._state
        if state.unreachable or self._split.is_watching:
            self._split.observe(view_of(state, self._local), now, self._suspects.refused)
