"""What becomes of this node and of its cluster, as lines of a log: one for each change, and none twice.

An operator has nothing else. So a line names the member, says what has happened and why, in the words of the
documentation; what a peer has claimed is marked as a claim, and cannot break a line.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Final, final

from casty.clock import Clock
from casty.extension import Throttle
from casty.member import Member, MemberStatus, NodeId
from casty.printable import printable

from casty_cluster.protocol.membership.effects import (
    Cause,
    Effect,
    JoinDelayed,
    Joined,
    MemberDowned,
    MembersChanged,
    Out,
    Refused,
    Rejected,
    Undecided,
)

logger = logging.getLogger("casty.cluster")

REPEATED: Final = 30.0
"""Seconds after which what still holds is said again."""

UNDECIDED: Final = (
    "members that cannot be reached stay members: correct the strategy, and remove those that are gone by "
    "system.down(node) meanwhile"
)

_STATUSES: Final = {
    MemberStatus.joining: "is joining",
    MemberStatus.up: "is up",
    MemberStatus.leaving: "is leaving",
}


@final
class MembershipLog:
    """The log of one node, through all its incarnations."""

    def __init__(self, clock: Clock) -> None:
        self._local: Member | None = None
        self._members: Mapping[NodeId, Member] = {}
        self._unreachable: frozenset[NodeId] = frozenset()
        self._reasons: dict[NodeId, str] = {}
        """Why members were downed that are to be shown as down next."""
        self._throttle = Throttle(clock, lines=1, period=REPEATED)

    def starts_as(self, local: Member) -> None:
        """This node listens, as this incarnation."""
        self._local = local
        self._members, self._unreachable = {}, frozenset()

    def tell(self, effect: Effect) -> None:
        """Log what an effect of the membership means."""
        match effect:
            case Joined(cluster):
                formed = self._local is not None and cluster == self._local.node.uid
                self._log(logging.INFO, f"this node has {'formed' if formed else 'joined'} the cluster {cluster:x}")
            case MembersChanged():
                for line in self._changes(effect):
                    self._log(logging.INFO, line)
            case MemberDowned(node, reason):
                self._reasons[node] = reason
            case JoinDelayed(reason):
                self._log(logging.WARNING, f"this node has not joined a cluster yet: {reason}")
            case Refused(reason, final=True):
                self._log(logging.ERROR, f"this node is rejected for good: {reason}")
            case Refused(reason):
                if self._throttle.admits(("refused", reason)):
                    self._log(logging.WARNING, f"this node is rejected for now, and asks again: {reason}")
            case Rejected(node, reason):
                if self._throttle.admits(("rejected", node.address, reason)):
                    self._log(logging.WARNING, f"{node} may not join: {reason}")
            case Undecided(reason):
                if self._throttle.admits("undecided"):
                    self._log(logging.ERROR, f"{reason}; {UNDECIDED}")
            case Out(reason, cause):
                self._out(reason, cause)
            case _:
                pass  # nothing that an operator wants to know

    def _out(self, reason: str, cause: Cause) -> None:
        match cause:
            case Cause.left:
                self._log(logging.INFO, f"this node has left the cluster: {reason}")
            case Cause.gave_way:
                self._log(logging.INFO, f"this node leaves its cluster to join another one: {reason}")
            case Cause.downed | Cause.replaced:
                self._log(logging.ERROR, f"this node is no member of the cluster any more: {reason}")

    def _changes(self, changed: MembersChanged) -> Iterator[str]:
        before, self._members = self._members, {member.node: member for member in changed.members}
        was_unreachable, self._unreachable = self._unreachable, changed.unreachable
        for node, member in self._members.items():
            known = before.get(node)
            if known is None or known.status is not member.status:
                yield f"{self._name(member)} {self._status(member)}"
        for node, member in before.items():
            if node not in self._members:
                yield f"{self._name(member)} {self._end(member)}"
        for node in sorted(self._unreachable - was_unreachable):
            yield f"{self._name(self._members[node])} is unreachable"
        for node in sorted(was_unreachable - self._unreachable):
            member = self._members.get(node)
            if member is not None and member.status is not MemberStatus.down:
                yield f"{self._name(member)} is reachable again"

    def _status(self, member: Member) -> str:
        if member.status is not MemberStatus.down:
            return _STATUSES[member.status]
        return f"is downed: {self._reasons.pop(member.node, 'another member has decided it')}"

    def _end(self, member: Member) -> str:
        successor = next((other.node for other in self._members.values() if other.address == member.address), None)
        if successor is not None:
            return f"is removed: {successor} has been started at its address"
        return "has left" if member.status is MemberStatus.leaving else "is removed"

    def _name(self, member: Member) -> str:
        if self._local is not None and member.node == self._local.node:
            return "this node"
        return described(member)

    def _log(self, level: int, line: str) -> None:
        name = printable(self._local.node_id) if self._local is not None else "a node"
        logger.log(level, "%s: %s", name, printable(line))


def described(member: Member) -> str:
    """A member by its name, and by its address and incarnation."""
    named = member.node_id != str(member.address)
    return printable(f"{member.node_id} ({member.node})" if named else member.node)
