"""The machine of one member of a cluster of three, and what there is to say about it."""

from dataclasses import dataclass, replace
from random import Random

from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.effects import Effect, Out, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Received
from casty_cluster.protocol.membership.participant import Participant
from casty_cluster.protocol.membership.settings import MembershipSettings

A, B, C, D = (NodeId(f"10.0.0.{uid}", 25520, uid) for uid in range(1, 5))
NOW = 50.0
SETTINGS = MembershipSettings(system="bank", configuration={"shards of accounts": "100"})


def up(node: NodeId) -> Member:
    return Member(node=node, node_id=f"node-{node.uid}", status=MemberStatus.up, up_number=node.uid)


def state_of(*nodes: NodeId) -> GossipState:
    """All up, and seen by the first one alone."""
    return GossipState.founded_by(up(nodes[0])).set(*map(up, nodes)).changed_by(nodes[0])


STATE = state_of(B, A, C)


@dataclass(slots=True)
class Part:
    """The machine of node A, which keeps to its invariants."""

    machine: Participant

    @property
    def state(self) -> GossipState:
        return self.machine.state

    def receive(self, sender: NodeId, message: object, waited: float = 0.0) -> list[Effect]:
        effects = self.machine.handle(Received(sender, message, waited), NOW)  # pyright: ignore[reportArgumentType]
        self.machine.validate()
        return effects

    def hears(self, sender: NodeId, state: GossipState, waited: float = 0.0) -> list[Effect]:
        return self.receive(sender, compact.write(state, A, NOW), waited)


def participant(state: GossipState, settings: MembershipSettings = SETTINGS) -> Participant:
    return Participant(
        A, state, NOW, seed_set=(A.address, B.address), settings=settings, strategy=None, random=Random(1)
    )


def sent(effects: list[Effect]) -> list[tuple[object, type]]:
    return [(effect.to, type(effect.message)) for effect in effects if isinstance(effect, Send)]


def outs(effects: list[Effect]) -> list[tuple[str, bool]]:
    return [(effect.reason, effect.rejoin) for effect in effects if isinstance(effect, Out)]


def status(state: GossipState, node: NodeId) -> MemberStatus:
    return state.members[node].status


def downed(state: GossipState, node: NodeId, by: NodeId) -> GossipState:
    return state.set(replace(state.members[node], status=MemberStatus.down)).changed_by(by)
