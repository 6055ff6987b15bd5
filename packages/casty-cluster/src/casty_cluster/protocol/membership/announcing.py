"""Reports changes of the membership to the outside, each once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from casty.events import MemberLeft, MemberUp, ReachableMember, UnreachableMember
from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.membership.effects import Effect, MembersChanged, Publish
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.leader import leader

_FULL: Final = (MemberStatus.up, MemberStatus.leaving)


class Announcer:
    """Compares each state with what has been reported already."""

    def __init__(self, local: NodeId) -> None:
        self._local = local
        self._up: dict[NodeId, Member] = {}
        self._unreachable: frozenset[NodeId] = frozenset()
        self._reported: MembersChanged | None = None

    def announce(self, state: GossipState) -> Iterator[Effect]:
        """Report the news in this state."""
        changed = MembersChanged(
            members=tuple(member for _, member in sorted(state.members.items())),
            unreachable=state.unreachable,
            leader=leader(state),
        )
        if changed == self._reported:
            return
        self._reported = changed
        yield changed
        yield from self._left(state)
        yield from self._came_up(changed)
        yield from self._reachability(changed)

    def _left(self, state: GossipState) -> Iterator[Effect]:
        for node in [node for node in self._up if node not in state.members]:
            yield Publish(MemberLeft(replace(self._up.pop(node), status=MemberStatus.removed)))
        self._unreachable &= self._up.keys()

    def _came_up(self, changed: MembersChanged) -> Iterator[Effect]:
        for member in changed.members:
            if member.node in self._up:
                self._up[member.node] = member
            elif member.up_number and member.status in _FULL:
                self._up[member.node] = member
                yield Publish(MemberUp(member))

    def _reachability(self, changed: MembersChanged) -> Iterator[Effect]:
        # The next event of a downed member is that it has left.
        down = frozenset(member.node for member in changed.members if member.status is MemberStatus.down)
        unreachable = (changed.unreachable & self._up.keys() - {self._local}) | (self._unreachable & down)
        for node in sorted(unreachable - self._unreachable):
            yield Publish(UnreachableMember(self._up[node]))
        for node in sorted(self._unreachable - unreachable):
            yield Publish(ReachableMember(self._up[node]))
        self._unreachable = unreachable
