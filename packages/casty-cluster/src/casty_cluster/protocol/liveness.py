"""Which members count as unreachable: the failure detector and refused connections, as one machine.

Theory of operation. The detector is a plugin that exchanges signs of life with other nodes; refused connections are a
hint of their own (see `refused_connections`). Each control frame of a peer is a sign of life, and counts at once. User
frames are far more frequent: their senders are only noted, and count at the next look. Whenever the suspects may have
changed they are compared with those reported last, and a difference is reported.

Invariants: those of the detector.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from casty.member import NodeId
from casty.spi.failure_detector import FailureDetector

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership.inputs import ConnectFailed, Suspects
from casty_cluster.protocol.refused_connections import RefusedConnections


@dataclass(frozen=True, slots=True)
class Others:
    """These are the other members now."""

    nodes: Sequence[NodeId]


@dataclass(frozen=True, slots=True)
class Heard:
    """A control frame arrived from that node."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class ProbeReceived:
    """A message of that node's detector arrived."""

    sender: NodeId
    payload: bytes


type Input = Others | Heard | ProbeReceived | ConnectFailed


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Send a message to the detector of that node."""

    to: NodeId
    payload: bytes


@dataclass(frozen=True, slots=True)
class SuspectsChanged:
    """Report these suspects to the membership."""

    suspects: Suspects


type Effect = SendProbe | SuspectsChanged


@runtime_checkable
class SelfChecking(Protocol):
    """A detector that can check its own invariants. The plugin interface does not ask for it."""

    def validate(self) -> None: ...


@final
class Liveness:
    """The machine, for one incarnation of a node."""

    def __init__(self, detector: FailureDetector, refused_patience: float) -> None:
        self._detector = detector
        self._refused = RefusedConnections(refused_patience)
        self.noted: dict[NodeId, None] = {}
        """The senders of user frames since the last look. The shell adds to it by itself, once for every such frame."""
        self._suspects = Suspects(frozenset())

    def overdue(self, now: float) -> float:
        """Return for how many seconds the process has been held up, as far as the detector's next look is late."""
        due = self._detector.next_deadline()
        return 0.0 if due is None else max(0.0, now - due)

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Others(nodes):
                self._detector.members(nodes, now)
                self._refused.members(nodes)
                return []
            case Heard(node):
                self._count(node, now)
                return []
            case ProbeReceived(sender, payload):
                probes = self._detector.receive(sender, payload, now)
            case ConnectFailed(address, failure):
                self._refused.failed(address, failure, now)
                self._count_noted(now)
                probes = ()
            case Tick():
                if not self._is_due(now):
                    return []
                self._count_noted(now)
                probes = self._detector.tick(now)
        return [*(SendProbe(to, payload) for to, payload in probes), *self._report(now)]

    def next_deadline(self) -> float | None:
        return self._detector.next_deadline()

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        if isinstance(self._detector, SelfChecking):
            self._detector.validate()

    def _is_due(self, now: float) -> bool:
        due = self._detector.next_deadline()
        return due is not None and now >= due

    def _count(self, node: NodeId, now: float) -> None:
        self._detector.heard(node, now)
        self._refused.heard(node)

    def _count_noted(self, now: float) -> None:
        for node in self.noted:
            self._count(node, now)
        self.noted.clear()

    def _report(self, now: float) -> Iterator[Effect]:
        refused = self._refused.suspects(now)
        suspects = Suspects(refused.union(self._detector.suspects(now)), refused)
        if suspects != self._suspects:
            self._suspects = suspects
            yield SuspectsChanged(suspects)
