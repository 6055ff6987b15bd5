"""Runs the shards that one node was granted: accepts the messages of one epoch for each, and bounces all others.

Theory of operation. A grant names an epoch, which opens once: when the fence of the shard is claimed. It closes once:
at the hand-off, or where the journal reports that another owner has claimed the fence. A message carries the epoch of
the home that it was sent to, and is accepted at exactly that epoch while it is open. Each other message goes back: an
epoch that has bounced one message of a sender never accepts another one, so messages cannot overtake each other, not
even where a shard comes back to a node that it has left. No entity starts for a message that was not accepted.

At a hand-off, the entities handle what was accepted, then stop. `Stopped` says that nothing of the epoch runs here any
more, so entities that do not stop in time are cancelled first. There is no way back from a hand-off.

A grant for a shard that is hosted already ends that epoch at once. It reaches only a node that was removed elsewhere,
from a coordinator that has not seen this: what the node holds was granted to another one meanwhile.

Invariants: a shard has one epoch at a time, and a later one is higher; only draining shards have a time-out.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from casty.member import NodeId
from casty.regions import ShardReason

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.effects import (
    Claim,
    Closed,
    Deliver,
    Drain,
    Halt,
    Opened,
    Run,
    SendUser,
    ShardEnds,
    ShardRuns,
    Warn,
    shard_reason,
)
from casty_cluster.protocol.sharding.inputs import Claimed, ClaimRefused, DrainAll, Drained, Fenced, Follow, Received
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import Timeouts
from casty_cluster.wire.sharding import Bounce, Grant, HandOff, HostPhase, Message, Refused, Started, Stopped

DRAIN_TIMEOUT: Final = 10.0
"""Seconds that the entities of a shard have to handle what they have accepted."""
PAUSE: Final = 1.0
"""Seconds by which a tick is late only where the process did not run meanwhile."""

type Input[M] = Received[Message[M] | Grant | HandOff] | Claimed | ClaimRefused | Drained | Fenced | Follow | DrainAll
type ForShell[M] = (
    SendSystem[Started | Refused | Stopped]
    | SendUser[Bounce[M]]
    | Deliver[M]
    | Claim
    | Run
    | Drain
    | Halt
    | Warn
    | ShardRuns
    | ShardEnds
)
type Effect[M] = ForShell[M] | Opened | Closed


class Hosted(NamedTuple):
    """A shard on this node, as others may see it."""

    shard: int
    epoch: int
    phase: HostPhase


@dataclass(slots=True)
class Hosting:
    """A shard on this node."""

    epoch: int
    phase: HostPhase
    reason: ShardReason
    """Why it starts, and from its hand-off on why it ends."""


class Owner[M]:
    """The machine of one region on one incarnation of a node. A shard that is not hosted has no state."""

    def __init__(self) -> None:
        self._coordinator: NodeId | None = None
        self._hosted: dict[int, Hosting] = {}
        self._drains = Timeouts[int](DRAIN_TIMEOUT)

    def __len__(self) -> int:
        """How many shards are hosted."""
        return len(self._hosted)

    @property
    def hosted(self) -> list[Hosted]:
        return [Hosted(shard, hosting.epoch, hosting.phase) for shard, hosting in self._hosted.items()]

    def accepts(self, shard: int, epoch: int) -> bool:
        """Whether a message that was sent to that home is for an entity here; if not, it goes back."""
        hosting = self._hosted.get(shard)
        return hosting is not None and hosting.epoch == epoch and hosting.phase is HostPhase.running

    def epoch_of(self, shard: int) -> int | None:
        """The epoch at which the shard is hosted, in whichever phase."""
        hosting = self._hosted.get(shard)
        return None if hosting is None else hosting.epoch

    def handle(self, given: Input[M] | Tick, now: float) -> list[Effect[M]]:
        match given:
            case Received(node, message):
                return self._received(node, message, now)
            case Claimed(shard, epoch):
                return self._claimed(shard, epoch)
            case ClaimRefused(shard, epoch, held):
                if not self._is(shard, epoch, HostPhase.starting):
                    return []
                del self._hosted[shard]
                return self._report(Refused(shard, epoch, held))
            case Drained(shard, epoch):
                return self._stopped(shard, epoch) if self._is(shard, epoch, HostPhase.draining) else []
            case Fenced(shard, epoch, held):
                return self._fenced(shard, epoch, held)
            case Follow(coordinator):
                self._coordinator = coordinator
                return []
            case DrainAll():
                shards = list(self._hosted)
                return [effect for shard in shards for effect in self._close(shard, ShardReason.shutdown, now)]
            case Tick():
                return self._tick(now)

    def next_deadline(self) -> float | None:
        return self._drains.next()

    def validate(self) -> None:
        for shard, hosting in self._hosted.items():
            if shard in self._drains:
                assert hosting.phase is HostPhase.draining, f"shard {shard} has a time-out: {hosting}"
        assert all(shard in self._hosted for shard in self._drains), "a shard that is not hosted has a time-out"

    def _is(self, shard: int, epoch: int, *phases: HostPhase) -> bool:
        """Whether the shard is at that epoch in one of these phases. Outcomes of older epochs change nothing."""
        hosting = self._hosted.get(shard)
        return hosting is not None and hosting.epoch == epoch and hosting.phase in phases

    def _report(self, outcome: Started | Refused | Stopped) -> list[Effect[M]]:
        """To the coordinator of today, also where another one has asked: the latter is not one any more."""
        return [] if self._coordinator is None else [SendSystem(self._coordinator, outcome)]

    def _received(self, node: NodeId, message: Message[M] | Grant | HandOff, now: float) -> list[Effect[M]]:
        match message:
            case Message():
                if self.accepts(message.shard, message.epoch):
                    return [Deliver(shard=message.shard, entity=message.entity, message=message.message)]
                return self._bounce(node, message)
            case Grant():
                return self._granted(message)
            case HandOff():
                return self._handed_off(message, now)

    def _bounce(self, node: NodeId, message: Message[M]) -> list[Effect[M]]:
        return [SendUser(node, message.bounce())]

    def _granted(self, grant: Grant) -> list[Effect[M]]:
        shard, epoch = grant.shard, grant.epoch
        held = self._hosted.get(shard)
        if held is not None and held.epoch >= epoch:
            return []
        reason = f"it was granted to another node meanwhile, and to this one again at epoch {epoch}"
        ended = [] if held is None else [*self._halt(shard, held, reason), *_end(shard, held, ShardReason.downed)]
        self._hosted[shard] = Hosting(epoch, HostPhase.starting, shard_reason(grant.reason))
        return [*ended, Claim(shard, epoch, grant.copies)]

    def _claimed(self, shard: int, epoch: int) -> list[Effect[M]]:
        if not self._is(shard, epoch, HostPhase.starting):
            return []
        hosting = self._hosted[shard]
        hosting.phase = HostPhase.running
        runs = ShardRuns(shard, epoch, hosting.reason)
        return [Run(shard, epoch), *self._report(Started(shard, epoch)), Opened(shard, epoch), runs]

    def _handed_off(self, order: HandOff, now: float) -> list[Effect[M]]:
        if not self._is(order.shard, order.epoch, *HostPhase):
            # Such as after a refused claim, whose report is under way. The coordinator compares epochs.
            return self._report(Stopped(order.shard, order.epoch))
        return self._close(order.shard, shard_reason(order.reason), now)

    def _close(self, shard: int, reason: ShardReason, now: float) -> list[Effect[M]]:
        """Accept no more; report that the shard has stopped when all that was accepted is handled."""
        hosting = self._hosted[shard]
        match hosting.phase:
            case HostPhase.starting:
                return [Halt(shard, hosting.epoch, "it was handed off"), *self._stopped(shard, hosting.epoch)]
            case HostPhase.running:
                hosting.phase, hosting.reason = HostPhase.draining, reason
                self._drains.start(shard, now)
                return [Drain(shard, hosting.epoch), Closed(shard, hosting.epoch)]
            case HostPhase.draining:
                return []

    def _stopped(self, shard: int, epoch: int) -> list[Effect[M]]:
        hosting = self._hosted.pop(shard)
        self._drains.stop(shard)
        return [*self._report(Stopped(shard, epoch)), *_end(shard, hosting, hosting.reason)]

    def _tick(self, now: float) -> list[Effect[M]]:
        due = self._drains.next()
        if due is not None and now - due > PAUSE:
            # The process was paused: the entities have had no time either.
            for shard in list(self._drains):
                self._drains.start(shard, now)
        return [effect for shard in self._drains.expire(now) for effect in self._overdue(shard)]

    def _overdue(self, shard: int) -> list[Effect[M]]:
        """`Drained` has to follow: until the cancelled entities have ended, no other node may run the shard."""
        hosting = self._hosted[shard]
        reason = f"its entities did not handle what they had accepted within {DRAIN_TIMEOUT:g} s of its hand-off"
        return [
            Halt(shard, hosting.epoch, reason),
            Warn(
                f"shard {shard} at epoch {hosting.epoch} is stopped: {reason}; the rest becomes dead letters", "drain"
            ),
        ]

    def _fenced(self, shard: int, epoch: int, held: int | None) -> list[Effect[M]]:
        if not self._is(shard, epoch, HostPhase.running, HostPhase.draining):
            return []
        hosting = self._hosted.pop(shard)
        halted = self._halt(shard, hosting, "the journal has a newer owner of it")
        # The report goes first: the sender's request for a new home must not find this one.
        report = self._report(Stopped(shard, epoch) if held is None else Refused(shard, epoch, held))
        return [*report, *halted, *_end(shard, hosting, ShardReason.fenced)]

    def _halt(self, shard: int, hosting: Hosting, reason: str) -> list[Effect[M]]:
        self._drains.stop(shard)
        closed = [Closed(shard, hosting.epoch)] if hosting.phase is HostPhase.running else []
        return [Halt(shard, hosting.epoch, reason), *closed]


def _end(shard: int, hosting: Hosting, reason: ShardReason) -> list[ShardEnds]:
    """What operators learn of a shard that ends; nothing if it has not started."""
    return [] if hosting.phase is HostPhase.starting else [ShardEnds(shard, hosting.epoch, reason)]
