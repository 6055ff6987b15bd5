"""The failure detector `swim`.

Theory of operation. Once a period, a node pings one other node, in turns of a random order. If no ack comes in time,
it asks a few others to ping that one for it. Each of them replies with the ack, or soon with a nack, so that the asker
knows that at least these nodes hear it. Without an ack until the period ends, and without any other frame from the
target, it suspects the target, and spreads that. The suspect receives the rumour too, and refutes it by a higher
incarnation of itself; if it does not, it counts as dead when the suspicion has run out (see `suspicion`). Rumours (see
`opinions`) travel in all these messages, and in extra ones while there is news. Dead nodes are still pinged, and sent
the rumours about them, for as long as they are members: a node that recovers refutes them. How far a node trusts itself
stretches its patience (see `LocalHealth`), and its own pauses count against no other node (see `local_pause`).

Das, Gupta, Motivala: "SWIM" (2002); Dadgar, Phillips, Currey: "Lifeguard" (2018); the figures are those of HashiCorp's
memberlist. Three things differ: dead nodes keep their turns, since membership is decided elsewhere; a suspect is
notified at once; and the order of the turns stays (see `turns`).

Invariants: a dead node is under no suspicion any more; exactly the members have a turn.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final, final

from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext, Probe

from casty_cluster.protocol.local_pause import LocalPause
from casty_cluster.protocol.swim.opinions import Opinions
from casty_cluster.protocol.swim.options import SwimOptions
from casty_cluster.protocol.swim.relays import Relays
from casty_cluster.protocol.swim.turns import Turns
from casty_cluster.wire.swim import ROOM, Kind, Message, decode, encode

GOSSIP_FANOUT: Final = 3
GOSSIPS_PER_PERIOD: Final = 5
WORST: Final = 8
"""The highest score of `LocalHealth`."""


@dataclass(slots=True, kw_only=True)
class Round:
    """The probe in progress."""

    target: int
    sequence_nr: int
    began: float
    ask_at: float
    """When other nodes are asked to ping the target."""
    ends: float
    asked: int | None = None
    """How many were asked; None: not yet."""
    nacks: int = 0


class LocalHealth:
    """How far a node trusts itself, as a score from 0, healthy, to `WORST`: Lifeguard's local health.

    A node that hears nothing may be deaf itself. Each sign of that raises its score, each good probe lowers it. The
    higher the score, the longer the node waits before it accuses others.
    """

    __slots__ = ("score",)

    def __init__(self) -> None:
        self.score = 0

    def worsen(self, by: int = 1) -> None:
        self.score = min(self.score + by, WORST)

    def improve(self) -> None:
        self.score = max(self.score - 1, 0)

    def stretched(self, seconds: float) -> float:
        """Return for how long to wait where a healthy node would wait `seconds`."""
        return seconds * (self.score + 1)


@final
class SwimDetector:
    """See `casty.spi.failure_detector.FailureDetector`."""

    def __init__(self, context: DetectorContext, options: SwimOptions) -> None:
        self._fanout = options.ping_req_fanout
        self._period = options.protocol_period or context.interval
        self._ping_timeout = options.ping_timeout or self._period / 2
        self._pause = LocalPause(self._period)
        self._turns = Turns(context.random)
        self._opinions = Opinions(context.local.uid, suspicion_mult=options.suspicion_mult, period=self._period)
        self._relays = Relays(self._ping_timeout)
        self._round: Round | None = None
        self._sequence_nr = 0
        self._probe_at = self._gossip_at = 0.0
        """Both times are valid only while there are other members."""
        self.health = LocalHealth()

    def members(self, others: Sequence[NodeId], now: float) -> None:
        self._notice_pause(now)
        if not self._opinions.nodes:
            self._probe_at = self._gossip_at = now
        self._opinions.members(sorted(others))
        self._turns.update(self._opinions.nodes)
        if self._round is not None and self._round.target not in self._opinions.nodes:
            self._end_round(now)

    def heard(self, node: NodeId, now: float) -> None:
        self._notice_pause(now)
        self._opinions.heard(node.uid, now)

    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        self._notice_pause(now)
        message = decode(payload)
        if message is None:
            return ()
        for rumour in message.rumours:
            if self._opinions.take(rumour, now):
                # The accusation may be right: this node has not answered in time.
                self.health.worsen()
        match message.kind:
            case Kind.ping:
                self._opinions.pinged_by(sender.uid, message.sequence_nr, now)
                return [self._probe(sender, Message(Kind.ack, message.sequence_nr))]
            case Kind.ping_request:
                return self._ping_for(sender, message, now)
            case Kind.ack:
                return self._acked(message.sequence_nr, now)
            case Kind.nack:
                if self._round is not None and self._round.sequence_nr == message.sequence_nr:
                    self._round.nacks += 1
            case Kind.gossip:
                pass
        return ()

    def tick(self, now: float) -> Sequence[Probe]:
        self._notice_pause(now)
        if not self._opinions.nodes:
            return ()
        if now >= self._pause.over_at:
            self._opinions.expire(now)
        return [*self._nack(now), *self._probe_one(now), *self._gossip(now)]

    def next_deadline(self) -> float | None:
        if not self._opinions.nodes:
            return None
        deadlines = [*self._relays.deadlines(), *(max(due, self._pause.over_at) for due in self._opinions.deadlines())]
        round_ = self._round
        if round_ is None:
            deadlines.append(self._probe_at)
        else:
            deadlines.append(round_.ask_at if round_.asked is None else round_.ends)
        if self._opinions.rumours:
            deadlines.append(self._gossip_at)
        return min(deadlines)

    def suspicion(self, node: NodeId, now: float) -> float:
        return self._opinions.suspiciousness(node.uid, now - self._pause.gap(self.next_deadline(), now))

    def suspects(self, now: float) -> Set[NodeId]:
        return {self._opinions.nodes[uid]: None for uid in self._opinions.dead}.keys()

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        self._opinions.validate()
        assert sorted(self._turns) == sorted(self._opinions.nodes), list(self._turns)

    def _notice_pause(self, now: float) -> None:
        gap = self._pause.gap(self.next_deadline(), now)
        if gap:
            self._pause.resume(now)
            self._opinions.move_on(gap)
            self._relays.clear()
            self._round = None
            self._probe_at = self._gossip_at = now
            self.health.worsen()
        if not self._opinions.rumours:
            # The first rumour that comes is not overdue.
            self._gossip_at = max(self._gossip_at, now)

    def _probe_one(self, now: float) -> Iterator[Probe]:
        """Continue the round in progress, and start the next one when it is due."""
        if self._round is not None and self._round.asked is None and now >= self._round.ask_at:
            yield from self._ask_others(self._round)
        if self._round is not None and now >= self._round.ends:
            yield from self._conclude(self._round, now)
        if self._round is None and now >= self._probe_at:
            target = self._turns.take()
            self._sequence_nr += 1
            self._round = Round(
                target=target,
                sequence_nr=self._sequence_nr,
                began=now,
                ask_at=now + self.health.stretched(self._ping_timeout),
                ends=now + self.health.stretched(self._period),
            )
            self._probe_at = now + self._period
            yield self._probe(self._opinions.nodes[target], Message(Kind.ping, self._sequence_nr))

    def _ask_others(self, round_: Round) -> Iterator[Probe]:
        helpers = self._turns.some(self._fanout, but={round_.target, *self._opinions.dead})
        round_.asked = len(helpers)
        for uid in helpers:
            yield self._probe(self._opinions.nodes[uid], Message(Kind.ping_request, round_.sequence_nr, round_.target))

    def _conclude(self, round_: Round, now: float) -> Iterator[Probe]:
        """End a round without an ack: suspect the target, unless there was another sign of life."""
        self._end_round(now)
        if round_.target in self._opinions.dead or self._opinions.heard_since(round_.target, round_.began):
            return
        # Without helpers, a failed probe may be this node's own fault; with helpers, each that it does not hear either.
        self.health.worsen(max(0, round_.asked - round_.nacks) if round_.asked else 1)
        self._opinions.accuse(round_.target, now)
        yield self._probe(self._opinions.nodes[round_.target], Message(Kind.gossip, 0))

    def _end_round(self, now: float) -> None:
        self._round = None
        # A stretched round may end after the next one was due. That is no pause of this process.
        self._probe_at = max(self._probe_at, now)

    def _acked(self, sequence_nr: int, now: float) -> Sequence[Probe]:
        if self._round is not None and self._round.sequence_nr == sequence_nr:
            self._end_round(now)
            self.health.improve()
            return ()
        relay = self._relays.acked(sequence_nr)
        return () if relay is None else [self._probe(relay.asker, Message(Kind.ack, relay.sequence_nr))]

    def _ping_for(self, asker: NodeId, message: Message, now: float) -> Sequence[Probe]:
        target = self._opinions.nodes.get(message.target)
        if target is None or not self._relays.add(self._sequence_nr + 1, asker, message.sequence_nr, now):
            return [self._probe(asker, Message(Kind.nack, message.sequence_nr))]
        self._sequence_nr += 1
        return [self._probe(target, Message(Kind.ping, self._sequence_nr))]

    def _nack(self, now: float) -> Iterator[Probe]:
        for relay in self._relays.overdue(now):
            yield self._probe(relay.asker, Message(Kind.nack, relay.sequence_nr))

    def _gossip(self, now: float) -> Iterator[Probe]:
        if not self._opinions.rumours or now < self._gossip_at:
            return
        self._gossip_at = now + self._period / GOSSIPS_PER_PERIOD
        for uid in self._turns.some(GOSSIP_FANOUT, but=self._opinions.dead.keys()):
            yield self._probe(self._opinions.nodes[uid], Message(Kind.gossip, 0))

    def _probe(self, to: NodeId, message: Message) -> Probe:
        """Add the accusation of the receiver, and the rumours that are due unless the receiver is likely to be dead."""
        accusation = self._opinions.accusation(to.uid)
        rumours = [] if accusation is None else [accusation]
        if accusation is None or message.kind is Kind.ack:
            rumours += self._opinions.rumours.take(len(self._opinions.nodes) + 1, ROOM - len(rumours))
        return Probe(to, encode(message._replace(rumours=rumours)))
