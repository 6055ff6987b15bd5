"""From what the membership reports to the view that the rest of the node sees, with the members that are retiring.

Theory of operation. The view is the last `MembersChanged`, and which members are about to leave: each of these tells
every other member, over its system link, before it leaves. One that joins later is notified as well. System messages
that the other side may have dropped are repeated once both sides know each other, which is when one of them comes up.

Invariant: only members that are not down retire, and the view shows exactly these as retiring.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from typing import final

from casty.member import ClusterState, MemberStatus, NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership.effects import MembersChanged
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.system import Retiring


@dataclass(frozen=True, slots=True)
class Retire:
    """This node is about to leave."""


@dataclass(frozen=True, slots=True)
class RetiringReceived:
    """That member is about to leave."""

    node: NodeId


type Input = MembersChanged | Retire | RetiringReceived


@dataclass(frozen=True, slots=True)
class MarkDepartures:
    """Fail messages to `departed` at once, and no longer those to `present`."""

    present: Set[NodeId]
    departed: Set[NodeId]


@dataclass(frozen=True, slots=True)
class KeepLinks:
    """Have system links from this incarnation to these other members, and no further ones."""

    local: NodeId
    others: Collection[NodeId]


@dataclass(frozen=True, slots=True)
class RepeatTo:
    """Repeat the unacknowledged system messages to that member."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class ShowView:
    """This is the view now."""

    view: ClusterState


type Effect = MarkDepartures | KeepLinks | RepeatTo | SendSystem[Retiring] | ShowView


@final
class ViewTracker:
    """The machine, for one incarnation of a node."""

    def __init__(self, local: NodeId) -> None:
        self._local = local
        self._view: ClusterState | None = None
        self._retiring = frozenset[NodeId]()

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case MembersChanged():
                return self._members_changed(given)
            case Retire():
                if self._view is None:
                    return []
                return [*self._retires(self._local), *self._announce(self._view.others)]
            case RetiringReceived(node):
                return self._retires(node)
            case Tick():
                return []

    def next_deadline(self) -> None:
        return None

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        view = self._view
        assert self._retiring == (frozenset() if view is None else view.retiring), "the view shows others as retiring"
        assert view is None or self._retiring <= {view.local, *view.others}, "a node retires that is no member"

    def _members_changed(self, changed: MembersChanged) -> list[Effect]:
        before = self._view
        known = frozenset(member.node for member in before.members) if before is not None else frozenset[NodeId]()
        was_up = {member.node for member in before.up} if before is not None else set[NodeId]()
        present = frozenset(member.node for member in changed.members if member.status is not MemberStatus.down)
        self._retiring &= present
        view = self._view = ClusterState(
            local=self._local,
            members=changed.members,
            unreachable=changed.unreachable,
            retiring=self._retiring,
            leader=changed.leader,
        )
        came_up = {member.node for member in view.up} - was_up
        newcomers = sorted(frozenset(view.others) - known) if self._local in self._retiring else ()
        return [
            MarkDepartures(present, known - present),
            KeepLinks(self._local, view.others),
            *self._announce(newcomers),
            *(RepeatTo(node) for node in view.others if node in came_up or self._local in came_up),
            ShowView(view),
        ]

    def _retires(self, node: NodeId) -> list[Effect]:
        view = self._view
        if view is None or node not in (view.local, *view.others):
            return []
        self._retiring |= {node}
        self._view = replace(view, retiring=self._retiring)
        return [ShowView(self._view)]

    def _announce(self, nodes: Collection[NodeId]) -> list[Effect]:
        return [SendSystem(node, Retiring(self._local.uid)) for node in nodes]
