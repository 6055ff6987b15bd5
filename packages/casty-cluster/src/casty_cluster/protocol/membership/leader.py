"""What one node does for all: it makes members up, and removes those that leave or are downed.

Theory of operation. There is no election. A state has *converged* when every member that is neither downed nor
unreachable has seen it. The leader of a state is the lowest node of these members, where members that are up come
first. Both follow from the state alone, so all members with a converged state name the same leader, and only that node
acts on it. After Akka's `MembershipState.scala`.

Downed members are removed even while others are unreachable: being down is final, and nodes that take their places
should not have to wait for the next failure too. For the two other changes the leader waits until all members can be
reached. If members came up or left on both sides of a partition, the sides would count different members, and a
strategy by which the majority survives is only sound if both count the same. (Akka admits such a joining member by
half, as "weakly up"; here it waits, at most for as long as the downing strategy takes.)
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.membership.gossip import GossipState

_PREFERENCE: Final = {MemberStatus.up: 0, MemberStatus.leaving: 1, MemberStatus.joining: 2}


def converged(state: GossipState) -> bool:
    """Whether all members that count have seen this state."""
    return state.seen >= state.alive.keys() - state.unreachable


def leader(state: GossipState) -> NodeId | None:
    """Return the leader; None if every member is unreachable for some member."""
    unreachable = state.unreachable
    reachable = [member for node, member in state.alive.items() if node not in unreachable]
    foremost = min(reachable, key=lambda member: (_PREFERENCE[member.status], member.node), default=None)
    return None if foremost is None else foremost.node


def lead(state: GossipState, local: NodeId, now: float, first_number: int = 1) -> GossipState:
    """Return the state that the leader makes of this one. `first_number` is for a member before which none came up that
    is left.

    It is the same object if `local` is not the leader, or if there is nothing to do.
    """
    if leader(state) != local or not converged(state):
        return state
    going = [node for node, member in state.members.items() if member.status is MemberStatus.down]
    coming: list[Member] = []
    if not state.unreachable:
        going += [n for n, member in state.alive.items() if member.status is MemberStatus.leaving and n != local]
        coming = list(_come_up(state, first_number))
    if not going and not coming:
        return state
    return state.set(*coming).remove(going, now)


def _come_up(state: GossipState, first_number: int) -> Iterator[Member]:
    numbers = [member.up_number for member in state.members.values() if member.up_number]
    number = max(numbers, default=first_number - 1)
    for _, member in sorted(state.alive.items()):
        if member.status is MemberStatus.joining:
            number += 1
            yield replace(member, status=MemberStatus.up, up_number=number)
