"""Which members a coordinator knows, has asked for their shards and has heard from, and which of them run shards."""

from typing import Final

from casty.member import ClusterState, NodeId

from casty_cluster.protocol.sharding.mismatch import other_role
from casty_cluster.protocol.sharding.oldest import leaving, present
from casty_cluster.protocol.timeouts import Timeouts
from casty_cluster.wire.sharding import Report

REPORT_TIMEOUT: Final = 5.0
"""Seconds after which the operator learns of a missing report."""


class Census:
    """See the module. It knows no shards."""

    def __init__(self, local: NodeId) -> None:
        self.state = ClusterState(local=local, members=())
        self.members = frozenset((local,))
        """Without downed ones."""
        self.eligible: tuple[NodeId, ...] = ()
        """Members that may be granted shards, the oldest first."""
        self.prospects: tuple[NodeId, ...] = ()
        """These, and members that will be once they have come up or reported, unless they run no shards."""
        self.leavers: tuple[NodeId, ...] = ()
        """Members that are about to leave and have reported: the others have nothing that is to be taken from them."""
        self.late = Timeouts[NodeId](REPORT_TIMEOUT)
        self._missing: dict[NodeId, None] = {}
        """Members that have been asked for a report, which has not arrived."""
        self._reported: dict[NodeId, bool] = {}
        """Members that have reported, and whether they can run shards."""
        self._roles: dict[NodeId, str] = {}
        """The roles with which nodes have spawned the region, in the order in which they said so."""
        self._incompatible: set[NodeId] = set()
        """Members that distribute entities over another number of shards."""

    @property
    def is_complete(self) -> bool:
        """Whether every member has reported."""
        return not self._missing

    @property
    def missing(self) -> tuple[NodeId, ...]:
        """The members that have not reported yet."""
        return tuple(sorted(self._missing))

    @property
    def reported(self) -> list[NodeId]:
        return list(self._reported)

    def see(self, state: ClusterState) -> list[NodeId]:
        """Take the membership over, and return those that were asked for reports and are no members any more."""
        self.state, self.members = state, present(state)
        gone = [node for node in (*self._missing, *self._reported) if node not in self.members]
        for node in gone:
            self._missing.pop(node, None)
            self._reported.pop(node, None)
            self._incompatible.discard(node)
            self._roles.pop(node, None)
            self.late.stop(node)
        self._sort_out()
        return gone

    def greet(self, now: float) -> list[NodeId]:
        """Return the members that are to be asked for a report now."""
        strangers = sorted(self._to_greet())
        for node in strangers:
            self._missing[node] = None
            self.late.start(node, now)
        return strangers

    def awaits(self, node: NodeId) -> bool:
        return node in self._missing

    def count(self, node: NodeId, report: Report, *, fits: bool) -> None:
        """The report of the node is complete; `fits`: whether it has as many shards as the coordinator."""
        self._missing.pop(node)
        self.late.stop(node)
        self._reported[node] = report.able and fits
        if not fits:
            self._incompatible.add(node)
        self._sort_out()

    def compare_role(self, node: NodeId, role: str | None) -> str | None:
        """Take the role with which the node has spawned the region; returns what is wrong with it, if anything."""
        if role is None:
            return None
        self._roles[node] = role
        first = next(iter(self._roles))
        return None if self._roles[first] == role else other_role(node, role, first, self._roles[first])

    def register(self, node: NodeId) -> None:
        """The node can run shards from now on."""
        if node in self._reported and node not in self._incompatible:
            self._reported[node] = True
            self._sort_out()

    def serves(self, node: NodeId) -> bool:
        """Whether the node may ask for homes."""
        return node in self.members and node not in self._incompatible

    def _to_greet(self) -> frozenset[NodeId]:
        # Joining members too: others may see them up already, and they may have homes on any leaver.
        return self.members - self._missing.keys() - self._reported.keys()

    def _sort_out(self) -> None:
        going = leaving(self.state)
        up = sorted(self.state.up, key=lambda member: member.up_number)
        self.eligible = tuple(m.node for m in up if self._reported.get(m.node) and m.node not in going)
        self.prospects = tuple(n for n in sorted(self.members - going) if self._reported.get(n, True))
        self.leavers = tuple(sorted(going & self._reported.keys()))
