"""Nodes with only a failure detector each, on one virtual clock, and a seeded network between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random

from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext, FailureDetector, Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The effects of the network on messages. Shares are of 1.0."""

    delay: float = 0.001
    """Delay in seconds."""
    jitter: float = 0.0
    """Largest additional delay, as a share of the detector's interval."""
    loss: float = 0.0
    copies: float = 0.0
    """The share of messages that arrive a second time, up to `copy_delay` seconds later."""
    copy_delay: float = 0.0


def node_named(number: int, uid: int | None = None) -> NodeId:
    """A node of a test: equal numbers give equal addresses."""
    return NodeId(f"node-{number}", 2552, uid if uid is not None else number * 0x9E3779B97F4A7C15 % 2**64)


class Network:
    """A cluster of `size` nodes, all members from the start at `now`. Everything happens within `run`."""

    def __init__(
        self,
        create: Callable[[DetectorContext], FailureDetector],
        size: int,
        *,
        seed: int = 0,
        weather: Weather | None = None,
        start: float = 0.0,
        interval: float = 1.0,
    ) -> None:
        self.now = start
        self.random = Random(f"{seed}:network")
        self.weather = weather or Weather()
        self.interval = interval
        self.nodes: list[NodeId] = [node_named(number) for number in range(1, size + 1)]
        self.detectors: dict[NodeId, FailureDetector] = {}
        self.cut: set[tuple[NodeId, NodeId]] = set()
        """Closed directions, as pairs of sender and receiver."""
        self.sent = 0
        self.largest = 0
        """Size of the largest payload, in bytes."""
        self.mistakes: list[tuple[float, NodeId, NodeId]] = []
        """Wrong suspicions: time, node and suspect, which was neither dead nor cut off."""
        self.overdue: list[tuple[float, NodeId, float]] = []
        """Deadlines in the past that a node has named, without having been delayed."""
        self._seed = seed
        self._create = create
        self._order = count()
        self._events: list[tuple[float, int, NodeId, Callable[[], None], bool]] = []
        self._due: dict[NodeId, float | None] = {}
        self._paused: dict[NodeId, float] = {}
        self._ticks_first = False
        """Whether a node that resumes handles its due timers before its messages."""
        self._dead: set[NodeId] = set()
        self._known: dict[NodeId, set[NodeId]] = {}
        for node in self.nodes:
            self._start(node)
        for node in self.nodes:
            self._tell_members(node)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            time, _, node, action, is_tick = heappop(self._events)
            self.now = max(self.now, time)
            resumes = self._paused.get(node, self.now)
            if node in self._dead:
                continue
            if resumes > self.now:
                # Deferred work of a paused node happens when it resumes, in no particular order.
                at_once = is_tick and self._ticks_first
                self._at(resumes + (0.0 if at_once else self.random.random() * 0.001), node, action, is_tick=is_tick)
            else:
                action()
        self.now = end

    def crash(self, node: NodeId) -> None:
        """The node receives and sends nothing more."""
        self._dead.add(node)

    def pause(self, node: NodeId, seconds: float) -> None:
        """Pause the node for some seconds; messages to it wait."""
        self._paused[node] = self.now + seconds
        self._ticks_first = self.random.random() < 0.5

    def part(self, one: NodeId, other: NodeId) -> None:
        """Cut both directions."""
        self.cut |= {(one, other), (other, one)}

    def isolate(self, node: NodeId) -> None:
        for other in self.nodes:
            self.part(node, other)

    def heal(self) -> None:
        self.cut.clear()

    def replace(self, node: NodeId, successor: NodeId) -> None:
        """Replace the node by a new incarnation at its address."""
        self.crash(node)
        self.nodes[self.nodes.index(node)] = successor
        self._start(successor)
        for each in self.alive:
            self._tell_members(each)

    @property
    def alive(self) -> Sequence[NodeId]:
        return [node for node in self.nodes if node not in self._dead]

    def suspects_of(self, node: NodeId) -> list[NodeId]:
        return sorted(self.detectors[node].suspects(self.now))

    def suspected_by(self, node: NodeId) -> list[NodeId]:
        """The nodes that suspect it."""
        return [each for each in self.alive if each != node and node in self.detectors[each].suspects(self.now)]

    def run_until(self, condition: Callable[[], bool], limit: float, step: float = 0.05) -> float:
        """Run until the condition holds. Returns the seconds, or `limit` if it never held."""
        passed = 0.0
        while passed < limit and not condition():
            self.run(step)
            passed += step
        return passed

    def say(self, sender: NodeId, probes: Sequence[Probe]) -> None:
        """Send messages."""
        for probe in probes:
            self.sent += 1
            self.largest = max(self.largest, len(probe.payload))
            if (sender, probe.to) in self.cut or self.random.random() < self.weather.loss:
                continue
            self._carry(sender, probe)
            if self.random.random() < self.weather.copies:
                self._carry(sender, probe, self.random.random() * self.weather.copy_delay)

    def _carry(self, sender: NodeId, probe: Probe, later: float = 0.0) -> None:
        delay = self.weather.delay + self.random.random() * self.weather.jitter * self.interval + later
        self._at(self.now + delay, probe.to, lambda: self._arrive(sender, probe))

    def _arrive(self, sender: NodeId, probe: Probe) -> None:
        if (sender, probe.to) not in self.cut:
            self.say(probe.to, self.detectors[probe.to].receive(sender, probe.payload, self.now))
            self._look(probe.to)
            self._watch_deadline(probe.to)

    def _start(self, node: NodeId) -> None:
        context = DetectorContext(
            local=node, random=Random(f"{self._seed}:{node}"), interval=self.interval, check_interval=self.interval
        )
        self.detectors[node] = self._create(context)

    def _tell_members(self, node: NodeId) -> None:
        others = [each for each in self.nodes if each != node]
        self.detectors[node].members(others, self.now)
        self._watch_deadline(node)

    def _watch_deadline(self, node: NodeId) -> None:
        deadline = self.detectors[node].next_deadline()
        if deadline is not None and deadline < self.now and node not in self._paused:
            self.overdue.append((self.now, node, deadline))
        if deadline is not None and deadline != self._due.get(node):
            self._due[node] = deadline
            self._at(deadline, node, lambda: self._tick(node, deadline), is_tick=True)

    def _tick(self, node: NodeId, due: float) -> None:
        if self._due.get(node) == due:
            self._due[node] = None
            self._look(node)  # before the tick: the order of calls to a detector must not matter
            self.say(node, self.detectors[node].tick(self.now))
            self._look(node)
            self._watch_deadline(node)

    def _at(self, time: float, node: NodeId, action: Callable[[], None], *, is_tick: bool = False) -> None:
        heappush(self._events, (time, next(self._order), node, action, is_tick))

    def _look(self, node: NodeId) -> None:
        suspects = set(self.detectors[node].suspects(self.now))
        for suspect in sorted(suspects - self._known.get(node, set())):
            if suspect not in self._dead and not {(node, suspect), (suspect, node)} & self.cut:
                self.mistakes.append((self.now, node, suspect))
        self._known[node] = suspects
