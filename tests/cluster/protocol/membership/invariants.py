"""What all hosts of a simulation together must keep to, looked at after every input."""

from collections import Counter

from casty.events import MemberLeft, MemberUp, ReachableMember, UnreachableMember
from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.membership.effects import Publish
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Received
from casty_cluster.wire.membership import Downed

from tests.cluster.protocol.membership.simulation import LOOK, SILENCE, Handled, Host, Simulation

FOLLOWING: dict[type | None, set[type]] = {
    None: {MemberUp},
    MemberUp: {UnreachableMember, MemberLeft},
    UnreachableMember: {ReachableMember, MemberLeft},
    ReachableMember: {UnreachableMember, MemberLeft},
    MemberLeft: set(),
}
"""What may be said of a member after what was said last."""

STORM = 300
"""Messages that no host gets within one second, even after a pause."""


class Invariants:
    """Watches one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._downed: set[NodeId] = set()
        self._said: dict[tuple[NodeId, NodeId], type] = {}
        self._read: dict[NodeId, int] = {}
        self._outs = self._founders = 0
        self._received: Counter[tuple[NodeId, int]] = Counter()
        simulation.checks.append(self.check)

    def check(self, handled: Handled) -> None:
        self._remember_downed(handled.machine.state)
        self._no_node_is_out_without_a_reason(handled)
        self._no_storm(handled)
        self._no_node_forms_a_cluster_beside_the_one_that_downed_it()
        if handled.machine.state is not handled.was:
            self._same_clock_means_same_content(handled.host)
            self._never_two_sides(handled.host)
            self._up_numbers_are_given_once(handled.machine.state)
        self._events_are_said_once_and_in_order(handled.host)

    def _remember_downed(self, state: GossipState | None) -> None:
        if state is not None:
            self._downed.update(state.tombstones)
            self._downed.update(n for n, member in state.members.items() if member.status is MemberStatus.down)

    def _no_node_is_out_without_a_reason(self, handled: Handled) -> None:
        """A node that is notified of its removal was downed, or was admitted by nodes that had been downed."""
        outs, self._outs = self._simulation.outs[self._outs :], len(self._simulation.outs)
        match handled.given:
            case Received(sender, Downed()) if outs:
                teller = self._simulation.hosts[sender.address].machine
                state = teller and teller.state
                orphan = handled.was is not None and state is not None and handled.host.node not in state.members
                assert orphan or handled.host.node in self._downed, f"no member has downed {handled.host.node}"
            case _:
                pass

    def _no_storm(self, handled: Handled) -> None:
        """Nodes that answer each other come to an end."""
        if isinstance(handled.given, Received):
            second = handled.host.node, int(self._simulation.now)
            self._received[second] += 1
            assert self._received[second] < STORM, f"{handled.host.node} is flooded with messages"

    def _same_clock_means_same_content(self, host: Host) -> None:
        mine = host.machine and host.machine.state
        for other in self._simulation.running:
            theirs = other.machine and other.machine.state
            if mine and theirs and mine is not theirs and mine.cluster == theirs.cluster and mine.clock == theirs.clock:
                assert mine.members == theirs.members, f"{host.node} and {other.node}: same clock, other members"
                assert mine.reachability == theirs.reachability, f"{host.node} and {other.node}: same clock, other rows"

    def _never_two_sides(self, host: Host) -> None:
        """No two members of one cluster survive while each has downed the other, and neither leaves: not if they wait
        for longer than it takes to detect that they are cut off.
        """
        mine = host.machine and host.machine.state
        for other in self._simulation.running:
            theirs = other.machine and other.machine.state
            if mine and theirs and mine.cluster == theirs.cluster:
                stay = mine.members[host.node].status is theirs.members[other.node].status is MemberStatus.up
                both = mine.is_gone(other.node) and theirs.is_gone(host.node)
                self._simulation.split_brains += both and stay
                hasty = (host.settings.stable_after or 0.0) < SILENCE + LOOK
                assert hasty or not (both and stay), f"{host.node} and {other.node} have downed each other"

    def _no_node_forms_a_cluster_beside_the_one_that_downed_it(self) -> None:
        """A downed node forms no new cluster while the one that downed it is running out of its reach."""
        founders, self._founders = self._simulation.founders[self._founders :], len(self._simulation.founders)
        for founder in founders:
            lost = self._simulation.hosts[founder.address]
            for other in (self._simulation.hosts[address] for address in lost.settings.contacts):
                state = other.machine and other.machine.state
                assert state is None or state.cluster != lost.lost, f"{founder} forms a cluster beside {other.node}'s"

    def _up_numbers_are_given_once(self, state: GossipState | None) -> None:
        """No two nodes that are in touch take different members for the one that came up at that place."""
        if state is None:
            return
        numbered = {member.up_number: node for node, member in state.alive.items() if member.up_number}
        for other in self._simulation.running:
            theirs = other.machine and other.machine.state
            if theirs and theirs.cluster == state.cluster:
                for node, member in theirs.alive.items():
                    mine = numbered.get(member.up_number, node)
                    shared = mine == node or state.is_gone(node) or theirs.is_gone(mine)
                    assert shared, f"{mine} and {node} both came up as number {member.up_number}"

    def _events_are_said_once_and_in_order(self, host: Host) -> None:
        for _, effect in host.effects[self._read.get(host.node, 0) :]:
            if isinstance(effect, Publish):
                member: Member = effect.event.member
                assert member.up_number, f"{host.node} said something of {member}, which has never come up"
                before = self._said.get((host.node, member.node))
                allowed = FOLLOWING[before]
                assert type(effect.event) in allowed, f"{host.node} said {effect.event} after {before}"
                self._said[host.node, member.node] = type(effect.event)
        self._read[host.node] = len(host.effects)
