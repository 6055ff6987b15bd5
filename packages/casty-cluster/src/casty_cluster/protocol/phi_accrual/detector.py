"""The failure detector `phi-accrual`.

Theory of operation. A node watches its neighbours on the ring of all nodes, so that the work of each node does not grow
with the cluster. Each interval, it sends every watched node a numbered probe, which that one answers at once. From the
intervals between the answers follows how suspicious its silence is (see `intervals`); from the threshold on it counts
as unreachable, until it gives another sign of life. An answer counts once, and only if it is to a later probe than the
last one that was answered. The node's own probes and any other frame end a silence as well, but make no interval;
neither does the time for which a node was unreachable. Probes and answers carry how late their sender's event loop is,
and that much more silence is tolerated. Pauses of this process count against no other node (see `local_pause`).

Invariants: suspects are watched; watched nodes are members.
"""

from collections.abc import Container, Iterable, Sequence, Set
from typing import final

from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext, Probe

from casty_cluster.protocol.local_pause import LocalPause
from casty_cluster.protocol.phi_accrual.options import PhiAccrualOptions
from casty_cluster.protocol.phi_accrual.watch import Watch
from casty_cluster.wire.phi_accrual import ANSWER, PROBE, Message, decode, encode


@final
class PhiAccrualDetector:
    """See `casty.spi.failure_detector.FailureDetector`."""

    def __init__(self, context: DetectorContext, options: PhiAccrualOptions) -> None:
        self._context = context
        self._options = options
        self._pause = LocalPause(options.acceptable_heartbeat_pause_ms / 1000)
        self._ring: Sequence[NodeId] = ()
        self._watched: dict[NodeId, Watch] = {}
        self._suspects: dict[NodeId, None] = {}
        self._sequence_nr = 0
        self._lag = 0.0
        self._probe_at = self._look_at = 0.0
        """Mean something only while a node is watched."""

    def members(self, others: Sequence[NodeId], now: float) -> None:
        self._notice_pause(now)
        if not self._watched:
            self._probe_at = now
            self._look_at = now + self._context.check_interval
        self._ring = ring_from(self._context.local, others)
        self._suspects = {node: None for node in self._ring if node in self._suspects}
        self._choose_watched(now)

    def heard(self, node: NodeId, now: float) -> None:
        self._notice_pause(now)
        watch = self._watched.get(node)
        if watch is not None:
            self._is_back(node, watch, now)
            watch.heard(now)

    def receive(self, sender: NodeId, payload: bytes, now: float) -> Sequence[Probe]:
        self._notice_pause(now)
        message = decode(payload)
        if message is None:
            return ()
        kind, sequence_nr, lag = message
        watch = self._watched.get(sender)
        if watch is not None:
            watch.lags(lag)
            if kind == PROBE and watch.probe_nr < sequence_nr:
                watch.probe_nr = sequence_nr
                self.heard(sender, now)
            elif kind == ANSWER and watch.echo < sequence_nr <= self._sequence_nr:
                self._is_back(sender, watch, now)
                watch.answered(sequence_nr, now)
        return [Probe(sender, self._frame(ANSWER, sequence_nr))] if kind == PROBE else ()

    def tick(self, now: float) -> Sequence[Probe]:
        due = self.next_deadline()
        if due is None:
            return ()
        self._lag = max(0.0, now - due)
        self._notice_pause(now)
        if now >= self._look_at:
            self._look_at = _next(self._look_at, self._context.check_interval, now)
            self._look(now)
        if now < self._probe_at:
            return ()
        self._probe_at = _next(self._probe_at, self._context.interval, now)
        self._sequence_nr += 1
        frame = self._frame(PROBE, self._sequence_nr)
        return [Probe(node, frame) for node in self._watched]

    def next_deadline(self) -> float | None:
        return min(self._probe_at, self._look_at) if self._watched else None

    def suspicion(self, node: NodeId, now: float) -> float:
        watch = self._watched.get(node)
        return 0.0 if watch is None else watch.phi(now - self._pause.gap(self.next_deadline(), now))

    def suspects(self, now: float) -> Set[NodeId]:
        return dict(self._suspects).keys()

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self._suspects.keys() <= self._watched.keys(), self._suspects
        assert self._watched.keys() <= set(self._ring), self._watched

    def _notice_pause(self, now: float) -> None:
        gap = self._pause.gap(self.next_deadline(), now)
        if gap:
            self._pause.resume(now)
            self._probe_at = self._look_at = now
            for watch in self._watched.values():
                watch.move_on(gap, now)

    def _look(self, now: float) -> None:
        if now < self._pause.over_at:
            return
        silent = [node for node, watch in self._watched.items() if watch.phi(now) >= self._options.threshold]
        if not self._suspects.keys() >= set(silent):
            self._suspects |= dict.fromkeys(silent)
            self._choose_watched(now)

    def _is_back(self, node: NodeId, watch: Watch, now: float) -> None:
        """End the suspicion of that node, if there is one."""
        if node in self._suspects:
            del self._suspects[node]
            watch.restart()
            self._choose_watched(now)

    def _choose_watched(self, now: float) -> None:
        chosen: Iterable[NodeId] = neighbours(self._ring, self._suspects, self._options.monitors)
        known = self._watched
        self._watched = {
            node: known[node] if node in known else Watch(self._options, self._sequence_nr, now) for node in chosen
        }

    def _frame(self, kind: bytes, sequence_nr: int) -> bytes:
        return encode(Message(kind, sequence_nr, self._lag))


def _next(due: float, interval: float, now: float) -> float:
    """Return one interval after the last time, but not in the past: missed times are not made up for."""
    return max(due + interval, now) if now - due < interval else now + interval


def ring_from(local: NodeId, others: Iterable[NodeId]) -> list[NodeId]:
    """Return the other nodes in the order of their uids, which are random, starting after `local`."""
    return sorted(others, key=lambda node: (node.uid < local.uid, node.uid, node))


def neighbours(ring: Sequence[NodeId], suspects: Container[NodeId], count: int) -> list[NodeId]:
    """Return the next `count` nodes of the ring that are not suspected, and all suspects.

    Suspects are watched for as long as they are members, or no node would notice that they are reachable again. They do
    not count, so that the nodes behind a row of dead nodes are watched too.
    """
    chosen: list[NodeId] = []
    alive = 0
    for node in ring:
        if node in suspects:
            chosen.append(node)
        elif alive < count:
            chosen.append(node)
            alive += 1
    return chosen
