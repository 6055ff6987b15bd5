"""The part that one member takes in its cluster, from the moment it has been let in until it is out.

Theory of operation. A member keeps a `GossipState`, merges into it what others tell, and tells those who know less.
What it changes itself is four things: which members it cannot reach, whom it lets in, whom it gives up, and that it
leaves; and, while it is the leader of a state that all have seen, who is up and who is removed. A member that
learns that it was given up or removed is out at once: it has been dead for the others for a while already.

Nothing counts that is meant for another incarnation or another cluster, or that comes from a node that has been given
up; such a node is told so. A node that does not know this member cannot tell it anything new, and one that this member
does not know will be introduced by somebody; only if its state is older than this one, it must have been removed.

Invariants: this node is a member that is not down, or it is out. Every member goes on to later statuses only, and once
it is gone it never comes back. Nobody has another's up_number. Only this node has written its row of the reachability
table. Who has seen the state, who appears in the table, and whose count the clock has, are members or (the clock's)
have a tombstone, and no node is both. This node has seen its own state, and the clock never goes back.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from casty.address import PeerAddress
from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Acquire, Down, DowningStrategy

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import compact, inputs
from casty_cluster.protocol.membership.admission import admit, refusal, wrong_system
from casty_cluster.protocol.membership.announcing import Announcer
from casty_cluster.protocol.membership.effects import AcquireLease, Cause, Downed, Effect, Ignored, Out, Rejected, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.islands import Islands, gives_way, gives_way_to_half, lowest
from casty_cluster.protocol.membership.leader import converged, lead
from casty_cluster.protocol.membership.rounds import Rounds
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.membership.split import SplitWatch, view_of
from casty_cluster.protocol.membership.vector_clock import Order
from casty_cluster.wire import membership as wire
from casty_cluster.wire.membership import Answer, Dissolve, GivenUp, Goodbye, Gossip, Join, Presence, Probe

HELD_UP: Final = 1.0
"""Seconds by which a deadline is missed only if the whole process was held up."""


class Participant:
    """A machine: see the module."""

    def __init__(
        self,
        local: NodeId,
        state: GossipState,
        now: float,
        *,
        circle: tuple[PeerAddress, ...],
        settings: MembershipSettings,
        strategy: DowningStrategy | None,
        random: Random,
    ) -> None:
        self._local = local
        self._state = state
        self._settings = settings
        self._circle = circle
        self._rounds = Rounds(settings.gossip_interval, settings.full_gossip_interval, random, now)
        self._islands = Islands((*settings.seeds, *settings.contacts), settings.island_interval, random, now)
        self._split = SplitWatch(strategy, settings)
        self._announcer = Announcer(local)
        self._suspects = inputs.Suspects(frozenset())
        self._leave_by = float("inf")
        self._version = state.reachability.row(local).version
        self._effects: list[Effect] = []
        self._reasons: dict[NodeId, str] = {}
        """Why this node has downed others in the course of this input."""
        self._before = state
        """The state before the last input."""
        self.is_out = False

    @property
    def state(self) -> GossipState:
        return self._state

    def next_deadline(self) -> float:
        split, gossip, islands = (part.next_deadline() for part in (self._split, self._rounds, self._islands))
        return min(due for due in (split, gossip, islands, self._leave_by) if due is not None)

    def handle(self, given: inputs.Input | Tick, now: float) -> list[Effect]:
        if now - self.next_deadline() > HELD_UP:
            self._split.restart(now)
        self._before = self._state
        self._reasons.clear()
        match given:
            case inputs.Received():
                self._receive(given, now)
            case inputs.Suspects():
                self._suspects = given
            case inputs.Leave():
                self._leave(now)
            case inputs.GiveUp(node, reason):
                self._give_up((node,), reason, now)
            case inputs.LeaseDecided(acquire, won):
                self._carry_out(self._split.lease_decided(acquire, won=won), now)
            case Tick():
                self._tick(now)
            case inputs.Replaced(by):
                self._replaced(by)
            case inputs.Start() | inputs.ConnectFailed():
                pass
        self._follow_up(now)
        effects, self._effects = self._effects, []
        return effects

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        state = self._state
        state.validate(self._before)
        if not self.is_out:
            assert self._local in state.alive, "neither a member nor out"
            assert self._local in state.seen, "this node has not seen its own state"
            row = state.reachability.row(self._local)
            assert row.version == self._version, "somebody else has written the row of this node"

    def _receive(self, received: inputs.Received, now: float) -> None:
        sender, message = received.sender, received.message
        match message:
            case Gossip(to) if self._is_for_me(sender, to):
                self._gossip(received, message, now)
            case wire.Digest(to) if self._is_for_me(sender, to):
                self._digest(sender, message, now)
            case Probe():
                self._probed(sender, message)
            case Answer(to, presence) if self._is_for_me(sender, to):
                self._answered(sender, presence, now)
            case Join(to) if self._is_for_me(sender, to):
                self._join(sender, message, now)
            case GivenUp(to) if self._is_for_me(sender, to):
                self._given_up(sender, message)
            case Goodbye(cluster):
                if cluster == self._state.cluster:
                    self._give_up((sender,), "it is of another cluster", now)
            case Dissolve(cluster, contact):
                if cluster == self._state.cluster and sender in self._state.alive:
                    contacts = (PeerAddress(*contact), *self._others())
                    self._go("its cluster gives way to a larger one", contacts, cause=Cause.gave_way)
            case Gossip() | wire.Digest() | Answer() | Join() | GivenUp() | wire.Refusal():
                pass

    def _is_for_me(self, sender: NodeId, to: int) -> bool:
        if to != self._local.uid:
            self._ignore(sender, "it is meant for another incarnation of this node")
        return to == self._local.uid

    def _ignore(self, sender: NodeId, reason: str) -> None:
        self._effects.append(Ignored(sender, reason))

    def _gossip(self, received: inputs.Received, gossip: Gossip, now: float) -> None:
        sender = received.sender
        if received.waited > self._settings.gossip_ttl:
            self._ignore(sender, f"it has waited {received.waited:.1f} s to be read")
            return
        try:
            theirs = compact.read(gossip, now).forget(now - self._settings.tombstone_seconds)
        except ValueError as error:
            self._ignore(sender, f"a damaged state: {error}")
            return
        if theirs.cluster != self._state.cluster:
            self._ignore(sender, "it is of another cluster")
            if self._local in theirs.members:
                self._effects.append(Send(sender, Goodbye(theirs.cluster)))
        elif self._is_outdated(sender, theirs):
            self._tell_given_up(sender)
        elif sender not in self._state.members:
            self._ignore(sender, "this node does not know yet that it is a member")
        elif self._local in theirs.tombstones:
            self._removed()
        elif self._local not in theirs.members:
            self._ignore(sender, "it does not know this node")
        else:
            self._merge_with(sender, theirs, now)

    def _is_outdated(self, sender: NodeId, theirs: GossipState) -> bool:
        """Whether the sender is a member no more, and does not know."""
        if sender in self._state.members or sender in self._state.tombstones:
            return self._state.is_gone(sender)
        known = theirs.clock.only(self._state.members)
        return known.compare(self._state.clock) in (Order.same, Order.before)

    def _merge_with(self, sender: NodeId, theirs: GossipState, now: float) -> None:
        merged = self._merged(theirs)
        if merged.clock != self._state.clock:
            self._rounds.learned(now)
        self._state = merged
        if merged.clock != theirs.clock or not merged.seen <= theirs.seen:
            self._effects.append(Send(sender, compact.write(merged, sender, now)))

    def _merged(self, theirs: GossipState) -> GossipState:
        return self._state.merge(theirs).seen_by(self._local)

    def _digest(self, sender: NodeId, digest: wire.Digest, now: float) -> None:
        if digest.cluster == self._state.cluster and self._state.is_gone(sender):
            self._tell_given_up(sender)
            return
        if digest.cluster != self._state.cluster or sender not in self._state.members:
            self._ignore(sender, "it is no member of this cluster")
            return
        try:
            seen = compact.read_digest(digest, self._state)
        except ValueError as error:
            self._ignore(sender, f"a damaged digest: {error}")
            return
        if seen is None:
            self._effects.append(Send(sender, compact.write(self._state, sender, now)))
            return
        self._state = replace(self._state, seen=self._state.seen | seen)
        if not self._state.seen <= seen:
            self._effects.append(Send(sender, compact.write_digest(self._state, sender)))

    def _presence(self) -> Presence:
        return Presence(self._settings.system, self._state.cluster, len(self._state.alive), self._circle)

    def _probed(self, sender: NodeId, probe: Probe) -> None:
        presence = probe.presence
        if refused := wrong_system(self._settings, sender, presence.system):
            self._effects.append(Send(sender, refused))
            return
        if presence.cluster == self._state.cluster and self._state.is_gone(sender):
            self._tell_given_up(sender)
            return
        self._effects.append(Send(sender, Answer(sender.uid, self._presence(), probe.at)))
        if gives_way(self._state, self._local, sender, presence):
            self._effects.append(Send(sender, Probe(self._presence())))

    def _answered(self, sender: NodeId, presence: Presence, now: float) -> None:
        is_another = presence.cluster != self._state.cluster or self._islands.is_of_other_half(self._state, sender, now)
        if is_another and gives_way(self._state, self._local, sender, presence):
            self._dissolve(sender, presence.size)

    def _join(self, sender: NodeId, join: Join, now: float) -> None:
        if self._state.is_gone(sender):
            self._tell_given_up(sender)
            return
        if sender not in self._state.members:
            if refused := refusal(self._state, self._settings, self._local, sender, join):
                self._effects += [Send(sender, refused), Rejected(sender, refused.reason)]
                return
            self._change(admit(self._state, sender, join, now), now)
        self._effects.append(Send(sender, compact.write(self._state, sender, now)))

    def _given_up(self, sender: NodeId, notice: GivenUp) -> None:
        if notice.cluster != self._state.cluster:
            self._ignore(sender, "it is of another cluster")
        elif sender not in self._state.members and sender not in self._state.tombstones:
            self._ignore(sender, "it is no member of this cluster")
        elif not self._state.is_gone(sender):
            self._removed()
        elif gives_way_to_half(self._state, notice):
            self._dissolve(sender, notice.size)
        else:
            self._tell_given_up(sender)

    def _tell_given_up(self, node: NodeId) -> None:
        state = self._state
        self._effects.append(Send(node, GivenUp(node.uid, state.cluster, len(state.alive), lowest(state))))

    def _dissolve(self, contact: NodeId, size: int) -> None:
        others = sorted(self._state.alive.keys() - {self._local})
        dissolve = Dissolve(self._state.cluster, (contact.host, contact.port))
        self._effects += [Send(node, dissolve) for node in others]
        contacts = (contact.address, *self._others())
        self._go(f"its cluster of {len(others) + 1} gives way to one of {size}", contacts, cause=Cause.gave_way)

    def _replaced(self, by: NodeId) -> None:
        """Two processes use this address. The newer one is the node from now on, and this one must not come back."""
        if by not in self._state.members:
            self._ignore(by, "only a member's word counts that this node has been replaced")
            return
        where = f"{self._local.address}, as {by} reports"
        advice = "give each process an address of its own (advertised_host, advertised_port)"
        self._go(f"another process has been started with this node's address, {where}; {advice}", cause=Cause.replaced)

    def _removed(self) -> None:
        """The others have said so."""
        self._go("it has left" if self._is_leaving else "the other members have downed it")

    @property
    def _is_leaving(self) -> bool:
        return self._leave_by < float("inf")

    def _leave(self, now: float) -> None:
        if not self._is_leaving:
            self._leave_by = now + self._settings.leave_timeout
            self._change(self._state.set(replace(self._me, status=MemberStatus.leaving)), now)

    @property
    def _me(self) -> Member:
        return self._state.members[self._local]

    def _tick(self, now: float) -> None:
        if now >= self._leave_by:
            self._give_up((self._local,), "it leaves, and the other members have not confirmed that in time", now)
            return
        if self._rounds.is_due(now):
            self._gossip_round(now)
        for address in self._islands.tick(self._state, now):
            self._effects.append(Send(address, Probe(self._presence(), address)))
        match self._split.decide(now):
            case Acquire() as acquire:
                self._effects.append(AcquireLease(acquire))
            case decision:
                self._carry_out(decision, now)

    def _gossip_round(self, now: float) -> None:
        full = self._rounds.is_full(now)
        if full:
            self._state = self._state.forget(now - self._settings.tombstone_seconds)
        self._rounds.schedule(self._state, now)
        partner = self._rounds.partner(self._state, self._local)
        if partner is None:
            return
        if converged(self._state) and not full:
            self._effects.append(Send(partner, compact.write_digest(self._state, partner)))
        else:
            self._effects.append(Send(partner, compact.write(self._state, partner, now)))

    def _carry_out(self, decision: Down | None, now: float) -> None:
        if decision is not None:
            self._give_up(sorted(decision.nodes), decision.reason, now)

    def _give_up(self, nodes: Sequence[NodeId], reason: str, now: float) -> None:
        alive, others = self._state.alive, self._others()
        down = [replace(alive[node], status=MemberStatus.down) for node in nodes if node in alive]
        if down:
            self._reasons |= dict.fromkeys((member.node for member in down), reason)
            self._change(self._state.set(*down), now)
        if self._local in nodes:
            # The others of this side decide alike: with this they need not wait for it.
            self._tell_everybody(now)
            self._go(f"it has downed itself: {reason}", others)

    def _change(self, state: GossipState, now: float) -> None:
        """Make `state` the one that this node tells about. The only way to something new."""
        self._state = state.changed_by(self._local)
        self._rounds.changed(now)

    def _tell_everybody(self, now: float) -> None:
        for node in sorted(self._state.members.keys() - {self._local}):
            self._effects.append(Send(node, compact.write(self._state, node, now)))

    def _others(self) -> tuple[PeerAddress, ...]:
        return tuple(node.address for node in sorted(self._state.alive.keys() - {self._local}))

    def _go(self, reason: str, contacts: tuple[PeerAddress, ...] | None = None, *, cause: Cause = Cause.downed) -> None:
        """Be out, for good. `contacts`: where others may go on without this node; else where members are alive."""
        if not self.is_out:
            self.is_out = True
            out = Out(reason, cause, contacts=self._others() if contacts is None else contacts)
            self._effects.append(Out(reason, Cause.left) if self._is_leaving else out)

    def _follow_up(self, now: float) -> None:
        """What follows from the state, whatever has led to it."""
        if not self.is_out and self._local not in self._state.alive:
            self._removed()
        if not self.is_out and self._is_leaving and len(self._state.alive) == 1:
            self._go("it has left, as the last one")
        if self.is_out:
            return
        namesakes = [node for node in self._state.alive if node.address == self._local.address and node != self._local]
        self._give_up(namesakes, "this node is the newer incarnation at its address", now)
        self._observe(now)
        self._explain()
        self._lead(now)
        self._effects += self._announcer.announce(self._state)
        self._watch_split(now)

    def _explain(self) -> None:
        """Why members are down that were not before this input."""
        for node in self._state.downed_since(self._before):
            why = self._reasons.get(node) or self._split.why(node)
            self._effects.append(Downed(node, why or "another member has decided it"))

    def _observe(self, now: float) -> None:
        state = self._state
        # A failure detector forgets members that were given up: that is no reason to call them reachable.
        given_up = state.reachability.row(self._local).unreachable - state.alive.keys()
        observed = state.observe(self._local, given_up | (self._suspects.nodes & state.alive.keys() - {self._local}))
        if observed.reachability is not state.reachability:
            self._version += 1
            self._change(observed, now)

    def _lead(self, now: float) -> None:
        while (led := lead(self._state, self._local, now)) is not self._state:
            self._effects += self._announcer.announce(self._state)  # no member vanishes without a last status
            removed = sorted(self._state.members.keys() - led.members.keys())
            self._change(led, now)
            for node in removed:
                self._tell_given_up(node)

    def _watch_split(self, now: float) -> None:
        state = self._state
        if state.unreachable or self._split.is_watching:
            self._split.observe(view_of(state, self._local), now, self._suspects.refused)
