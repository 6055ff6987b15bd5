"""Where a singleton runs, and how it moves from one node to the next without ever running twice.

Theory of operation. The oldest member that is up and not retiring is the host. A new host starts the singleton once
every older member has reported that it does not run it any more, or is no longer a member. A member that leaves retires
first: it announces that, the next host asks it to hand over, and it reports when its singleton has stopped. A downed
member need not report: it is on the losing side of the downing strategy, and stops its singletons itself if it is
alive. A member that is asked and is not leaving keeps its singleton: the asker has downed it, and the asker may be the
one on the losing side. A member gets its `up_number` before any node can see a member up with a higher one, so all
nodes agree on which of two members is older.

A singleton that fails is started again after a pause, on the same node.

The scheme is that of Pekko's `ClusterSingletonManager.scala`.

Invariants: it runs only on a node that was the oldest when it started; it never starts while an older member has not
handed over.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import Enum
from typing import Final

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.forwarding import HERE, Aim
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.system import HandedOver, HandOver

PAUSE: Final = 1.0
"""Seconds before a singleton that has failed is started again."""

_STAYING: Final = frozenset((MemberStatus.joining, MemberStatus.up))


@dataclass(frozen=True, slots=True)
class Members:
    """The membership has changed; `local` is this incarnation."""

    local: NodeId
    members: Sequence[Member]
    retiring: Set[NodeId] = frozenset()


@dataclass(frozen=True, slots=True)
class Out:
    """This incarnation is no longer a member. If the node rejoins, `Members` follows with the next one."""


@dataclass(frozen=True, slots=True)
class HandOverReceived:
    """A younger member has become the host: it has seen this node retire, leave or be downed."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class HandedOverReceived:
    """A member reports that it does not run the singleton, and never will again."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class InstanceStopped:
    """The singleton has stopped on this node, or could not be started."""

    failure: str | None = None


type Input = Members | Out | HandOverReceived | HandedOverReceived | InstanceStopped


@dataclass(frozen=True, slots=True)
class Start:
    """Run the singleton."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the singleton, and report when it has stopped."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The singleton has failed, and starts again after a pause."""

    failure: str


type Effect = Start | Stop | Paused | SendSystem[HandOver | HandedOver]


class Phase(Enum):
    """What this node does for the singleton."""

    elsewhere = "elsewhere"
    waiting = "waiting"
    """It starts here as soon as all older members have handed over."""
    running = "running"
    ended = "ended"
    """This node is the host, but the singleton has stopped by itself or failed."""
    stopping = "stopping"


class Singleton:
    """The machine: the part of one node in running one singleton."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.phase = Phase.elsewhere
        self.host: NodeId | None = None
        """The node to which messages for the singleton go; None if none is to run it, as when all retire."""
        self._local: NodeId | None = None
        self._present = set[NodeId]()
        self._older: tuple[NodeId, ...] = ()
        self._handed_over: set[NodeId] = set()
        """Older members that do not run it any more."""
        self._askers: list[NodeId] = []
        """Members that have asked for it and have no reply yet."""
        self._is_leaving = False
        """Whether this node retires, leaves or was downed, none of which is ever taken back."""
        self._has_yielded = False
        """Whether another member has it, so that it never runs on this incarnation again."""
        self._restart_at: float | None = None

    @property
    def has_it(self) -> bool:
        """Whether no other node can have it yet."""
        return self.phase not in (Phase.elsewhere, Phase.waiting)

    @property
    def aim(self) -> Aim:
        """Where messages for the singleton go now."""
        if self.host is None or self.host != self._local:
            return self.host
        return HERE if self.phase is Phase.running else None

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Members(local, members, retiring):
                renewed = self._renew(local) if local != self._local else []
                return renewed + self._members(local, members, retiring)
            case Out():
                return self._out()
            case HandOverReceived(node):
                self._askers.append(node)
                return self._yield()
            case HandedOverReceived(node):
                if node in self._older:
                    self._handed_over.add(node)
                return self._start()
            case InstanceStopped(failure):
                return self._stopped(failure, now)
            case Tick():
                return self._restart() if self._restart_at is not None and now >= self._restart_at else []

    def next_deadline(self) -> float | None:
        return self._restart_at

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self.phase is not Phase.waiting or self.host == self._local, (
            "it waits to start, but another node is the host"
        )
        assert self._handed_over <= set(self._older), "a member that is not older has handed over"
        assert self._restart_at is None or self.phase is Phase.ended, (
            "a restart is due, but the singleton has not ended"
        )

    def _renew(self, local: NodeId) -> list[Effect]:
        """Start over as a new incarnation. The instance of the previous one may still be stopping."""
        # An asker may know this node as a member before the node does itself.
        effects = [] if self._local is None else self._out()
        self._local = local
        self._present.clear()
        self._has_yielded = False
        return effects

    def _out(self) -> list[Effect]:
        is_running = self.phase is Phase.running
        self.host, self._older = None, ()
        self._handed_over.clear()
        self._askers.clear()
        self._is_leaving = self._has_yielded = True
        self._restart_at = None
        self.phase = Phase.stopping if is_running or self.phase is Phase.stopping else Phase.elsewhere
        return [Stop()] if is_running else []

    def _members(self, local: NodeId, members: Sequence[Member], retiring: Set[NodeId]) -> list[Effect]:
        up = sorted((m for m in members if m.status is MemberStatus.up), key=lambda m: m.up_number)
        self.host = next((member.node for member in up if member.node not in retiring), None)
        own = next((m for m in members if m.node == local), None)
        before = self._older
        self._older = tuple(m.node for m in members if own and 0 < m.up_number < own.up_number and m.node != local)
        self._handed_over &= set(self._older)
        present = {m.node for m in members}
        gone, self._present = self._present - present, present
        # An asker that is not a member here yet may be one elsewhere, so only those that were members are dropped.
        self._askers = [asker for asker in self._askers if asker not in gone]
        self._is_leaving = local in retiring or (own is not None and own.status not in _STAYING)
        if self.host == local and not self._has_yielded:
            return self._claim(before)
        if self.phase is Phase.waiting:
            self.phase = Phase.elsewhere
        return self._yield()

    def _stopped(self, failure: str | None, now: float) -> list[Effect]:
        match self.phase:
            case Phase.stopping:
                self.phase = Phase.elsewhere
                return self._claim() if self.host == self._local and not self._has_yielded else self._yield()
            case Phase.running:
                self.phase = Phase.ended
                self._restart_at = None if failure is None else now + PAUSE
                return [] if failure is None else [Paused(failure)]
            case Phase.elsewhere | Phase.waiting | Phase.ended:
                return []

    def _claim(self, asked: Sequence[NodeId] = ()) -> list[Effect]:
        """Run it as soon as all older members have handed over; those in `asked` have been asked already."""
        match self.phase:
            case Phase.elsewhere:
                self.phase = Phase.waiting
                return [*map(self._ask, self._missing()), *self._start()]
            case Phase.waiting:
                return [*(self._ask(node) for node in self._missing() if node not in asked), *self._start()]
            case Phase.running | Phase.ended | Phase.stopping:
                return []

    def _missing(self) -> list[NodeId]:
        return [node for node in self._older if node not in self._handed_over]

    def _ask(self, node: NodeId) -> Effect:
        return SendSystem(node, HandOver(self.name))

    def _yield(self) -> list[Effect]:
        """Give it to a member that has asked for it, if this node is leaving."""
        if not self._is_leaving or not self._askers:
            return []
        self._has_yielded = True
        match self.phase:
            case Phase.running:
                self.phase = Phase.stopping
                return [Stop()]
            case Phase.stopping:
                return []
            case Phase.elsewhere | Phase.waiting | Phase.ended:
                self.phase, self._restart_at = Phase.elsewhere, None
                askers, self._askers = self._askers, []
                return [SendSystem(asker, HandedOver(self.name)) for asker in askers]

    def _start(self) -> list[Effect]:
        if self.phase is not Phase.waiting or self._missing():
            return []
        self.phase = Phase.running
        return [Start()]

    def _restart(self) -> list[Effect]:
        self.phase, self._restart_at = Phase.running, None
        return [Start()]
