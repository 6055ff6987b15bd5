"""When to decide about members that cannot be reached. The decision itself is a `DowningStrategy`'s.

Theory of operation. While any member is unreachable, each change of the members or of the reachability table restarts a
clock: a decision is only sound once all nodes of one side see the same, and news takes a while to spread. Once nothing
has changed for `stable_after`, the strategy is asked, and again after as long a time while members stay unreachable.
If the view never becomes stable, no side can be made out: after three quarters more of that time each node downs
itself. All nodes of a side decide by themselves, and alike. After Akka's `SplitBrainResolver.scala`.

Where the machines of all unreachable members refuse connections, their processes have most likely ended, and the clock
runs for a share of `stable_after` only. That is one node's observation, which a proxy or a firewall can cause as well.
So it counts only while all members that can be reached, or `AGREEING` of them, cannot reach those members either: one
member that still receives their heartbeats makes the others wait. It shortens the wait and changes no decision.

That nothing changed can also mean that no news arrived. So a pause of this process restarts the clock as well. And
where `stable_after` is shorter than it takes to detect a failure, as it is by default in small clusters, a second fault
that follows right after the first one can make two sides survive; `cluster_merge` makes them one again. Operators
who prefer waiting to that set a longer time.
"""

from collections.abc import Collection, Set
from typing import Final, cast

from casty.interruption import described, raise_unless_failure
from casty.member import NodeId
from casty.spi.downing import Acquire, Decision, Down, DowningStrategy, MembershipView

from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.settings import MembershipSettings

_UNSTABLE_AFTER: Final = 1.75
"""Of `stable_after`, from when the first member became unreachable."""

AGREEING: Final = 5
"""Observers whose agreement is enough, where a cluster is so large that not all members watch each other."""

type _Signature = tuple[object, ...]


class SplitWatch:
    """Watches one node's view while members of it are unreachable."""

    def __init__(self, strategy: DowningStrategy | None, settings: MembershipSettings) -> None:
        self._strategy = strategy
        self._settings = settings
        self._view: MembershipView | None = None
        self._signature: _Signature = ()
        self._stable_since = 0.0
        self._first = 0.0
        self._pending: Acquire | None = None
        self._all_refused = False
        self._failure = ""

    @property
    def is_watching(self) -> bool:
        """Whether a member was unreachable in the last view."""
        return self._view is not None

    def next_deadline(self) -> float | None:
        if self._view is None or self._strategy is None or self._pending is not None:
            return None
        return min(self._stable_since + self._stable_after, self._unstable_at)

    def observe(self, view: MembershipView, now: float, refused: Set[NodeId] = frozenset()) -> None:
        """The node's view is this now; `refused`: nodes whose machines refuse connections."""
        self._all_refused = view.unreachable <= refused and _agreed(view)
        if not view.unreachable:
            self._view = self._pending = None
            return
        counted = [(member.node, member.status) for member in view.members if member.up_number]
        signature = (counted, view.unreachable, view.observations)
        if self._view is None:
            self._first = now
        if self._view is None or signature != self._signature:
            self._stable_since = now
        self._view, self._signature = view, signature

    def restart(self, now: float) -> None:
        """This process was held up until now."""
        self._stable_since = self._first = now

    def decide(self, now: float) -> Decision:
        """Return the decision that is due now, if any."""
        due = self.next_deadline()
        if self._view is None or self._strategy is None or due is None or now < due:
            return None
        if now < self._stable_since + self._stable_after:
            reason = "the reachability of members kept changing, so that no side could be made out"
            return Down(frozenset((self._view.local,)), reason)
        self._stable_since = self._first = now
        decision = self._decided(self._strategy, self._view)
        if isinstance(decision, Acquire):
            self._pending = decision
        return decision

    def take_failure(self) -> str:
        """Why the strategy has decided nothing lately, though it was asked, once; empty if it has not failed."""
        failure, self._failure = self._failure, ""
        return failure

    def why(self, node: NodeId) -> str | None:
        """Why the strategy would down a node that another member has downed; None if it would not."""
        decision = None
        if self._view is not None and self._strategy is not None:
            decision = self._decided(self._strategy, self._view)
        down = decision.won if isinstance(decision, Acquire) else decision
        return down.reason if down is not None and node in down.nodes else None

    def lease_decided(self, acquire: Acquire, *, won: bool) -> Down | None:
        """Return the decision that follows from a lease; None if the request is not the pending one."""
        if acquire != self._pending:
            return None
        self._pending = None
        return acquire.won if won else acquire.lost

    def _decided(self, strategy: DowningStrategy, view: MembershipView) -> Decision:
        """Its decision; None where it fails: a user may have written it."""
        try:
            decision = strategy.decide(view)
            if decision is None or _is_sound(decision):
                return decision
            problem = f"returned {decision!r}, which is no decision"
        except BaseException as error:
            raise_unless_failure(error)
            problem = f"raised {described(error)}"
        self._failure = f"the downing strategy {type(strategy).__name__} {problem}"
        return None

    @property
    def _stable_after(self) -> float:
        return self._stable_for(refused=self._all_refused)

    def _stable_for(self, *, refused: bool = False) -> float:
        return self._settings.stable_for(len(self._view.members) if self._view else 0, refused=refused)

    @property
    def _unstable_at(self) -> float:
        if not self._settings.down_all_when_unstable:
            return float("inf")
        return self._first + self._stable_for() * _UNSTABLE_AFTER


def _is_sound(decision: object) -> bool:
    """Whether it is a decision other than None, and can be carried out."""
    match decision:
        case Down(nodes, str()):
            named = cast("Collection[object]", nodes)
            return isinstance(cast("object", nodes), Collection) and all(isinstance(node, NodeId) for node in named)
        case Acquire(
            store=str(), lease=str(), owner=str(), seconds=int() | float(), delay=int() | float(), won=won, lost=lost
        ):
            return _is_sound(won) and _is_sound(lost)
        case _:
            return False


def _agreed(view: MembershipView) -> bool:
    """Whether enough members that can be reached find all the others unreachable."""
    reachable = [member.node for member in view.members if member.node not in view.unreachable]
    agreeing = [node for node in reachable if view.unreachable <= view.observations.get(node, frozenset())]
    return len(agreeing) >= min(len(reachable), AGREEING)


def view_of(state: GossipState, local: NodeId) -> MembershipView:
    """A state as a downing strategy sees it."""
    alive = state.alive
    return MembershipView(
        local=local,
        members=tuple(alive[node] for node in sorted(alive)),
        unreachable=state.unreachable,
        observations=state.reachability.observations(alive),
    )
