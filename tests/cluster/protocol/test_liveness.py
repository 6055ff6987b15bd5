"""The failure detector and refused connections as one machine."""

from collections.abc import Sequence, Set

import pytest
from casty.member import NodeId
from casty.spi.failure_detector import Probe
from casty.spi.transport import ConnectFailure
from casty.testing import ManualClock
from casty_cluster.node.driver import RETRY, Driver
from casty_cluster.protocol.liveness import (
    Effect,
    Heard,
    Input,
    Liveness,
    Others,
    ProbeReceived,
    SendProbe,
    SuspectsChanged,
)
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership.inputs import ConnectFailed, Suspects

B, C = NodeId("b", 1, 11), NodeId("c", 1, 12)
PATIENCE = 1.0


class Detector:
    """A detector that a test leads by the hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.silent: set[NodeId] = set()
        self.due: float | None = None
        self.broken = False
        self.failures: list[Exception] = []
        """Raised by the next calls of `tick`."""

    def members(self, others: Sequence[NodeId], now: float) -> None:
        self.calls.append(("members", tuple(others)))

    def heard(self, node: NodeId, now: float) -> None:
        self.calls.append(("heard", node))
        self.silent.discard(node)

    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        return [Probe(sender, b"answer to " + payload)]

    def tick(self, now: float) -> Sequence[Probe]:
        self.calls.append(("tick", now))
        if self.failures:
            raise self.failures.pop()
        return [Probe(B, b"probe")]

    def next_deadline(self) -> float | None:
        return self.due

    def suspicion(self, node: NodeId, now: float) -> float:
        return 0.0

    def suspects(self, now: float) -> Set[NodeId]:
        return set(self.silent)

    def validate(self) -> None:
        assert not self.broken, "broken"


@pytest.fixture
def detector() -> Detector:
    return Detector()


@pytest.fixture
def liveness(detector: Detector) -> Liveness:
    machine = Liveness(detector, PATIENCE)
    assert machine.handle(Others((B, C)), 0.0) == []
    assert detector.calls == [("members", (B, C))]
    detector.calls.clear()
    return machine


def suspects(*nodes: NodeId) -> SuspectsChanged:
    return SuspectsChanged(Suspects(frozenset(nodes)))


def test_suspects_are_reported_when_they_change_and_not_again(detector: Detector, liveness: Liveness) -> None:
    detector.due, detector.silent = 1.0, {B}
    assert liveness.next_deadline() == 1.0
    assert liveness.handle(Tick(), 1.0) == [SendProbe(B, b"probe"), suspects(B)]
    assert liveness.handle(Tick(), 1.0) == [SendProbe(B, b"probe")]
    assert liveness.handle(ProbeReceived(B, b"1"), 1.5) == [SendProbe(B, b"answer to 1")]
    assert liveness.handle(Heard(B), 1.5) == []
    assert liveness.handle(Tick(), 2.0) == [SendProbe(B, b"probe"), suspects()]


def test_a_tick_before_the_deadline_does_nothing(detector: Detector, liveness: Liveness) -> None:
    for due in (None, 2.0):
        detector.due = due
        assert liveness.handle(Tick(), 1.9) == []
    assert detector.calls == []


def test_the_sender_of_a_users_frame_counts_as_heard_at_the_next_look(detector: Detector, liveness: Liveness) -> None:
    liveness.noted[B] = None
    assert detector.calls == []
    detector.due = 1.0
    liveness.handle(Tick(), 1.0)
    assert detector.calls == [("heard", B), ("tick", 1.0)]
    liveness.handle(Tick(), 1.0)
    assert detector.calls[2:] == [("tick", 1.0)]


def test_a_member_whose_connections_are_refused_is_suspected_as_such(liveness: Liveness) -> None:
    refused = ConnectFailed(B.address, ConnectFailure.refused, "refused")
    assert liveness.handle(refused, 0.0) == []
    both = frozenset((B,))
    assert liveness.handle(refused, PATIENCE) == [SuspectsChanged(Suspects(both, both))]


def test_a_users_frame_that_was_only_noted_ends_a_series_of_refused_connections(liveness: Liveness) -> None:
    refused = ConnectFailed(B.address, ConnectFailure.refused, "refused")
    liveness.handle(refused, 0.0)
    liveness.noted[B] = None
    assert liveness.handle(refused, PATIENCE) == []
    assert liveness.handle(refused, PATIENCE + 0.1) == []


def test_a_late_look_says_how_long_the_process_was_held_up(detector: Detector, liveness: Liveness) -> None:
    assert liveness.overdue(5.0) == 0.0
    detector.due = 5.0
    assert liveness.overdue(4.0) == 0.0
    assert liveness.overdue(7.5) == 2.5


def test_the_invariants_of_a_detector_are_checked_where_it_has_some(detector: Detector, liveness: Liveness) -> None:
    liveness.validate()
    detector.broken = True
    with pytest.raises(AssertionError, match="broken"):
        liveness.validate()


async def test_a_detector_that_raises_is_asked_again(detector: Detector, liveness: Liveness) -> None:
    """It is a plugin: without the next look no member would ever be suspected."""
    clock, effects = ManualClock(), list[Effect]()

    def carry_out(effect: Effect) -> None:
        effects.append(effect)
        detector.due = None

    driver: Driver[Input, Effect] = Driver(liveness, clock, carry_out)
    detector.due, detector.silent = 1.0, {B}
    detector.failures = [ValueError("a bug of a plugin")]
    driver.handle(Heard(C))
    with pytest.raises(ValueError, match="a bug of a plugin") as raised:
        await clock.advance(1.0)
    assert "the last inputs of Liveness" in "\n".join(raised.value.__notes__)
    assert effects == []
    await clock.advance(RETRY)
    assert effects == [SendProbe(B, b"probe"), suspects(B)]
    driver.stop()
