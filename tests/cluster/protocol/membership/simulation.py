"""Machines of whole clusters on virtual time, with a seeded network and a failure detector that follows the script.

A host is one address, where an incarnation with a machine of its own listens. A message for an address reaches the
incarnation that listens when it arrives. After each input the machine is validated, and so is what all hosts
together must keep to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from random import Random

from casty.address import PeerAddress
from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import DowningStrategy
from casty_cluster.protocol.downing import KeepMajority, KeepMajorityOptions
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import Membership, MembershipSettings, Message
from casty_cluster.protocol.membership.effects import Effect, Joined, MemberEvent, Out, Publish, Refused, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Input, Leave, Received, Start, Suspects

KEEP_MAJORITY = KeepMajority(KeepMajorityOptions())
SILENCE = 4.5
"""Seconds after which the detector suspects a node."""
LOOK = 0.5
"""Seconds between two looks of the detector."""


@dataclass(slots=True)
class Network:
    """How messages fare. Delays are drawn for each one, so they overtake each other."""

    delay: tuple[float, float] = (0.001, 0.02)
    loss: float = 0.0
    duplication: float = 0.0
    cut: set[tuple[PeerAddress, PeerAddress]] = field(default_factory=set[tuple[PeerAddress, PeerAddress]])
    """Directed links on which nothing gets through."""

    def split(self, *groups: Sequence[PeerAddress]) -> None:
        """Cut all links between these groups."""
        for group in groups:
            others = [address for other in groups if other is not group for address in other]
            self.cut |= {(one, other) for one in group for other in others}

    def heal(self) -> None:
        self.cut.clear()

    def reaches(self, one: PeerAddress, other: PeerAddress) -> bool:
        return (one, other) not in self.cut


@dataclass(frozen=True, slots=True)
class Handled:
    """What has just happened at a host: the machine may have stopped in the course of it."""

    host: "Host"
    machine: Membership
    given: Input | Tick
    was: GossipState | None


class Host:
    """One address, with the incarnation that listens there now."""

    def __init__(self, address: PeerAddress, settings: MembershipSettings, node_id: str) -> None:
        self.address = address
        self.settings = settings
        self.node_id = node_id
        self.machine: Membership | None = None
        self.node = NodeId(address.host, address.port, 0)
        self.paused_until = 0.0
        self.wakes_at = float("inf")
        self.suspects = frozenset[NodeId]()
        self.last_heard: dict[NodeId, float] = {}
        self.cluster = 0
        """The one that it is or was in; 0: none."""
        self.lost = 0
        """The cluster that downed the last incarnation, as far as this one knows."""
        self.effects: list[tuple[float, Effect]] = []
        """All of this incarnation that are not messages."""

    @property
    def events(self) -> list[MemberEvent]:
        return [effect.event for _, effect in self.effects if isinstance(effect, Publish)]

    @property
    def up(self) -> list[NodeId]:
        state = self.machine and self.machine.state
        members = state.members.values() if state else ()
        return sorted(member.node for member in members if member.status is MemberStatus.up)


class Simulation:
    """Hosts by address, a queue of what is to happen, and the checks that follow each input."""

    def __init__(self, seed: int, *, strategy: DowningStrategy | None = KEEP_MAJORITY) -> None:
        self.random = Random(seed)
        self.network = Network()
        self.now = 100.0
        self.hosts: dict[PeerAddress, Host] = {}
        self.founders: list[NodeId] = []
        self.checks: list[Callable[[Handled], None]] = []
        self.outs: list[tuple[NodeId, Out | Refused]] = []
        self.delivered = 0
        self.split_brains = 0
        """How often two surviving members have downed each other."""
        self.all_return = False
        """Whether nodes that have left come back, too."""
        self._strategy = strategy
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, time: float, action: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._queue, (time, self._count, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def host(self, address: PeerAddress, settings: MembershipSettings, node_id: str | None = None) -> Host:
        host = self.hosts[address] = Host(address, settings, node_id or str(address))
        self.after(LOOK * self.random.random(), lambda: self._look(host))
        return host

    def start(self, host: Host) -> None:
        """FormCluster a new incarnation, unless one is running."""
        if host.machine is not None:
            return
        uid = self.random.getrandbits(64) or 1
        host.node = NodeId(host.address.host, host.address.port, uid)
        local = Member(node=host.node, node_id=host.node_id)
        host.machine = Membership(
            local, host.settings, strategy=self._strategy, random=Random(self.random.getrandbits(64))
        )
        host.suspects, host.last_heard, host.effects, host.wakes_at = frozenset(), {}, [], float("inf")
        self.handle(host, Start())

    def crash(self, host: Host) -> None:
        """The next incarnation there knows nothing of it."""
        host.machine = None
        host.settings, host.cluster, host.lost = replace(host.settings, contacts=()), 0, 0

    def pause(self, host: Host, seconds: float) -> None:
        """Nothing happens there for a while; what arrives waits."""
        host.paused_until = max(host.paused_until, self.now + seconds)

    def leave(self, host: Host) -> None:
        self.handle(host, Leave())

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heappop(self._queue)
            action()
        self.now = end

    def run_until(self, done: Callable[[], bool], within: float) -> float:
        """How many seconds it took. Fails after `within`."""
        start = self.now
        while not done():
            due = self._queue[0][0] if self._queue else float("inf")
            assert due <= start + within, f"not within {within} s:\n{self.describe()}"
            self.now, _, action = heappop(self._queue)
            action()
        return self.now - start

    def handle(self, host: Host, given: Input | Tick) -> None:
        if host.machine is None:
            return
        machine = host.machine
        if host.paused_until > self.now:
            self.at(host.paused_until, lambda: self.handle(host, given) if host.machine is machine else None)
            return
        handled = Handled(host, machine, given, machine.state)
        for effect in machine.handle(given, self.now):
            self._carry_out(host, effect)
        machine.validate()
        for check in self.checks:
            check(handled)
        self._set_alarm(host, machine)

    @property
    def running(self) -> list[Host]:
        return [host for host in self.hosts.values() if host.machine is not None]

    def is_whole(self) -> bool:
        """Whether all that run are one cluster, up, and in agreement."""
        nodes = sorted(host.node for host in self.running)
        states = [host.machine.state for host in self.running if host.machine is not None]
        return all(
            state is not None
            and state.cluster == (states[0] and states[0].cluster)
            and sorted(state.members) == nodes == host.up
            and not state.unreachable
            for host, state in zip(self.running, states, strict=True)
        )

    def is_complete(self) -> bool:
        """Whether that holds of all hosts."""
        return len(self.running) == len(self.hosts) and self.is_whole()

    def describe(self) -> str:
        return "\n".join((f"at {self.now:.3f}:", *map(_describe, self.hosts.values())))

    def _carry_out(self, host: Host, effect: Effect) -> None:
        if isinstance(effect, Send):
            to = effect.to.address if isinstance(effect.to, NodeId) else effect.to
            self._send(host.node, to, effect.message)
            return
        host.effects.append((self.now, effect))
        if isinstance(effect, Joined):
            host.cluster = effect.cluster
            if effect.cluster == host.node.uid:
                self.founders.append(host.node)
        if isinstance(effect, Out) or (isinstance(effect, Refused) and effect.final):
            self.outs.append((host.node, effect))
            host.machine = None
            if isinstance(effect, Out) and (effect.rejoin or self.all_return):
                host.settings = replace(host.settings, contacts=effect.contacts)
                host.lost = host.cluster
                self.after(self.random.uniform(0.05, 0.5), lambda: self.start(host))

    def _send(self, sender: NodeId, to: PeerAddress, message: Message) -> None:
        copies = 2 if self.random.random() < self.network.duplication else 1
        for _ in range(copies):
            if self.random.random() >= self.network.loss and self.network.reaches(sender.address, to):
                self.after(self.random.uniform(*self.network.delay), lambda: self._deliver(sender, to, message))

    def _deliver(self, sender: NodeId, to: PeerAddress, message: Message) -> None:
        host = self.hosts.get(to)
        if host is not None and self.network.reaches(sender.address, to):
            self.delivered += 1
            self.handle(host, Received(sender, message, max(0.0, host.paused_until - self.now)))

    def _set_alarm(self, host: Host, machine: Membership) -> None:
        deadline = machine.next_deadline()
        due = float("inf") if deadline is None else max(deadline, self.now)
        if due < host.wakes_at:
            host.wakes_at = due
            self.at(due, lambda: self._wake(host, machine, due))

    def _wake(self, host: Host, machine: Membership, due: float) -> None:
        if host.machine is not machine or host.wakes_at != due:
            return
        host.wakes_at = float("inf")
        deadline = machine.next_deadline()
        if deadline is not None and deadline <= self.now:
            self.handle(host, Tick())
        else:
            self._set_alarm(host, machine)

    def _look(self, host: Host) -> None:
        """The detector's tick: it hears all nodes that could answer now, and ignores silence in a pause of its own."""
        if host.paused_until > self.now:
            held_up = host.paused_until - self.now
            self.at(host.paused_until, lambda: self._forgive(host, held_up))
            return
        self.after(LOOK, lambda: self._look(host))
        state = host.machine and host.machine.state
        if state is None:
            return
        others = [node for node in state.alive if node != host.node]
        before = host.last_heard
        heard = {node: self.now if self._answers(host, node) else before.get(node, self.now) for node in others}
        host.last_heard = heard
        suspects = frozenset(node for node in others if self.now - heard[node] > SILENCE)
        if suspects != host.suspects:
            host.suspects = suspects
            self.handle(host, Suspects(suspects))

    def _forgive(self, host: Host, held_up: float) -> None:
        host.last_heard = {node: at + held_up for node, at in host.last_heard.items()}
        self._look(host)

    def _answers(self, host: Host, node: NodeId) -> bool:
        other = self.hosts[node.address]
        listens = other.machine is not None and other.node == node and other.paused_until <= self.now
        ways = ((host.address, other.address), (other.address, host.address))
        return listens and all(self.network.reaches(*way) for way in ways)


def _describe(host: Host) -> str:
    if host.machine is None:
        return f"{host.node} is down"
    state = host.machine.state
    if state is None:
        return f"{host.node} is looking for a cluster"
    members = {str(node): member.status.value for node, member in sorted(state.members.items())}
    unreachable, unseen = (sorted(map(str, nodes)) for nodes in (state.unreachable, state.members.keys() - state.seen))
    return f"{host.node} in {state.cluster:x}: {members}, unreachable {unreachable}, not seen by {unseen}"
