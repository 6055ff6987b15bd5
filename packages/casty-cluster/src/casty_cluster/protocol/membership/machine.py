"""The membership of one node, from its start to its end: it joins a cluster, takes part in it, and is out.

Theory of operation. A node has one life. It is joining (`joining`) until it forms a cluster or a member admits it,
which shows by gossip that has this node as a member. Then it takes part (`participant`). Once it is out, or rejected
for good, this machine does nothing any more: a node rejoins as another incarnation, with another machine.

Invariants: those of `participant`; and a node that is joining has not been admitted anywhere, as far as it knows.
"""

from random import Random

from casty.address import PeerAddress
from casty.member import Member, NodeId
from casty.printable import printable
from casty.spi.downing import DowningStrategy

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.admission import wrong_system
from casty_cluster.protocol.membership.effects import Cause, Effect, Ignored, JoinDelayed, Joined, Out, Refused, Send
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
from casty_cluster.protocol.membership.joining import (
    FormCluster,
    JoinProcess,
    JoinThrough,
    ProbeAll,
    Reject,
    ReportDelay,
    Step,
)
from casty_cluster.protocol.membership.leader import converged
from casty_cluster.protocol.membership.participant import Participant
from casty_cluster.protocol.membership.settings import MembershipSettings
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


class Membership:
    """The machine of one incarnation."""

    def __init__(
        self, local: Member, settings: MembershipSettings, *, strategy: DowningStrategy | None, random: Random
    ) -> None:
        self._local = local
        self._settings = settings
        self._strategy = strategy
        self._random = random
        self._joining = JoinProcess(local.address, settings, random)
        self._started = False
        self._participant: Participant | None = None
        self._stopped = False

    @property
    def state(self) -> GossipState | None:
        """What this node knows of its cluster, or knew last; None before it has joined one."""
        return None if self._participant is None else self._participant.state

    @property
    def converged(self) -> bool:
        """Whether all members that can be reached are known to have the same state."""
        return self.state is not None and converged(self.state)

    def next_deadline(self) -> float | None:
        if self._stopped or not self._started:
            return None
        return self._joining.next_deadline() if self._participant is None else self._participant.next_deadline()

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        if self._stopped:
            return []
        if self._participant is None:
            return self._join(given, now)
        effects = self._participant.handle(given, now)
        self._stopped = self._participant.is_out
        return effects

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        if self._participant is not None:
            self._participant.validate()
            assert self._participant.is_out == self._stopped, "out, and still at work"

    def _join(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Start() if not self._started:
                self._started = True
                return self._take(self._joining.start(now), now)
            case Tick() if self._started:
                return self._take(self._joining.tick(now), now)
            case Received() if self._started:
                return self._receive(given, now)
            case Leave():
                return self._stop(Out("it leaves before it has joined a cluster", Cause.left))
            case ConnectFailed(address, failure, reason) if self._started:
                return self._take(self._joining.failed(address, failure, reason), now)
            case Start() | Tick() | Received() | ConnectFailed() | Replaced() | Suspects() | Down() | LeaseDecided():
                return []

    def _receive(self, received: Received, now: float) -> list[Effect]:
        sender, message = received.sender, received.message
        match message:
            case Probe():
                return self._probed(sender, message, now)
            case Answer(to, presence, at) if self._is_for_me(to):
                name = None if at is None else PeerAddress(*at)
                return self._take(self._joining.hear(sender, presence, now, at=name), now)
            case Gossip(to) if self._is_for_me(to):
                return self._enter(received, message, now)
            case Refusal(to) if self._is_for_me(to):
                return self._refused(sender, message, now)
            case Downed(to) if self._is_for_me(to):
                return self._downed(sender)
            case Answer() | Gossip() | Refusal() | Downed():
                return [Ignored(sender, "it is meant for another incarnation of this node")]
            case Join() | Digest() | Goodbye() | Dissolve():
                return [Ignored(sender, "this node is no member of a cluster yet")]

    def _refused(self, sender: NodeId, refusal: Refusal, now: float) -> list[Effect]:
        # A node of another system refuses a probe already.
        if not (self._joining.has_asked(sender) or self._joining.has_probed(sender)):
            return [Ignored(sender, "this node has not asked it")]
        reason = f"{sender.address} claims: {printable(refusal.reason)}"
        in_vain = self._joining.refused(refusal, now)
        return self._stop(Refused(reason, final=True)) if in_vain else [Refused(reason, final=False)]

    def _downed(self, sender: NodeId) -> list[Effect]:
        """This node had joined, and was removed before it learned of either."""
        # Only a member that was asked can know: this is its answer to a request that is repeated. Any other node has
        # sent its notice to the last incarnation, or forged it.
        if not self._joining.has_asked(sender):
            return [Ignored(sender, "this node has not asked it to join")]
        reason = f"{sender.address} claims: this node had joined its cluster, and was downed before it learned so"
        return self._stop(Out(reason, Cause.downed, contacts=(sender.address, *self._settings.contacts)))

    def _is_for_me(self, to: int) -> bool:
        return to == self._local.node.uid

    def _probed(self, sender: NodeId, probe: Probe, now: float) -> list[Effect]:
        if refused := wrong_system(self._settings, sender, probe.presence.system):
            return [Send(sender, refused)]
        effects = self._take(self._joining.hear(sender, probe.presence, now), now)
        return [*effects, Send(sender, Answer(sender.uid, self._presence(), probe.at))]

    def _presence(self) -> Presence:
        system, seed_set, state = self._settings.system, self._joining.seed_set, self.state
        if state is None:
            resolved = self._joining.resolved
            return Presence(
                system, 0, 0, seed_set, self._joining.former_peers, () if resolved == seed_set else resolved
            )
        return Presence(system, state.cluster, len(state.alive), seed_set)

    def _probe(self, address: PeerAddress) -> Send:
        return Send(address, Probe(self._presence(), address))

    def _enter(self, received: Received, gossip: Gossip, now: float) -> list[Effect]:
        sender = received.sender
        try:
            state = compact.read(gossip, now)
        except ValueError as error:
            return [Ignored(sender, f"a damaged state: {error}")]
        if self._local.node not in state.alive or sender not in state.alive:
            return [Ignored(sender, "it does not know this node, or itself")]
        # The participant handles the same gossip once more, so that it replies that this node has seen it.
        return self._participate(state.seen_by(self._local.node), received, now)

    def _take(self, steps: list[Step], now: float) -> list[Effect]:
        return [effect for step in steps for effect in self._step(step, now)]

    def _step(self, step: Step, now: float) -> list[Effect]:
        match step:
            case ProbeAll(addresses):
                return [self._probe(address) for address in addresses]
            case FormCluster():
                founded = GossipState.founded_by(self._local, self._settings.first_number)
                effects = self._participate(founded, Tick(), now)
                return [*effects, *map(self._probe, self._joining.others)]
            case JoinThrough(member):
                configuration = dict(self._settings.configuration)
                join = Join(member.uid, self._settings.system, self._local.node_id, self._local.roles, configuration)
                return [Send(member, join)]
            case ReportDelay(reason):
                return [JoinDelayed(reason)]
            case Reject(reason):
                return self._stop(Refused(reason, final=True))

    def _participate(self, state: GossipState, first: Input | Tick, now: float) -> list[Effect]:
        participant = Participant(
            self._local.node,
            state,
            now,
            seed_set=self._joining.seed_set,
            settings=self._settings,
            strategy=self._strategy,
            random=self._random,
        )
        self._participant = participant
        return [Joined(state.cluster), *self.handle(first, now)]

    def _stop(self, effect: Out | Refused) -> list[Effect]:
        self._stopped = True
        return [effect]
