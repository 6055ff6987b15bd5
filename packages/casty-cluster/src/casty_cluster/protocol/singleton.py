"""Where a singleton runs, and how it moves from one node to the next without ever running twice.

Theory of operation. The oldest member that is up and not retiring is the host. A member that has become the host starts
the singleton when every older member has either said that it does not run it any more, or is no member. So a member
that goes of its own will retires first: it says so, the next host asks it to hand over, and it answers once its
singleton has stopped. A member that was given up need not answer; it has stopped its singletons by itself if it lives,
as it is on the losing side of the downing strategy. Who is asked without knowing that it goes keeps what it runs: the
asker has given it up, and it may be the asker who is on the losing side. A member's number of coming up is given before
anybody can see it up with a higher one, hence all nodes agree on who is older than whom.

The scheme is that of Pekko's `ClusterSingletonManager.scala`.

Invariants: it runs only on a node that was the oldest when it started; it never starts while an older member has not
handed over.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import Enum
from typing import Final

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.wire.system import HandedOver, HandOver


@dataclass(frozen=True, slots=True)
class Start:
    """Run the singleton."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the singleton, and report when it has stopped."""


@dataclass(frozen=True, slots=True)
class Say:
    """To be sent over the link to that node."""

    to: NodeId
    message: HandOver | HandedOver


_STAYING: Final = frozenset((MemberStatus.joining, MemberStatus.up))

type Effect = Start | Stop | Say


class Phase(Enum):
    """What this node does for the singleton."""

    elsewhere = "elsewhere"
    waiting = "waiting"
    """It is to run here as soon as all older members have handed over."""
    running = "running"
    stopping = "stopping"


class Singleton:
    """One node's part in running one singleton."""

    def __init__(self, name: str, local: NodeId, *, stopping: bool = False) -> None:
        """`stopping`: what this node's last incarnation ran has not stopped yet."""
        self.name = name
        self.phase = Phase.stopping if stopping else Phase.elsewhere
        self.host: NodeId | None = None
        """Where messages for the singleton go; None where nobody is to run it, as when all retire."""
        self._local = local
        self._present = set[NodeId]()
        self._older: tuple[NodeId, ...] = ()
        self._handed_over: set[NodeId] = set()
        """Older members that do not run it any more."""
        self._heirs: list[NodeId] = []
        """Who has asked for it and was not answered yet."""
        self._goes = False
        """Whether this node retires, leaves or was given up, none of which is ever taken back."""
        self._has_yielded = False
        """Whether anybody has: it never runs here again."""

    def members(self, members: Sequence[Member], retiring: Set[NodeId]) -> list[Effect]:
        """The membership has changed."""
        up = sorted((m for m in members if m.status is MemberStatus.up), key=lambda m: m.up_number)
        self.host = next((member.node for member in up if member.node not in retiring), None)
        own = next((m for m in members if m.node == self._local), None)
        before = self._older
        self._older = tuple(
            m.node for m in members if own and 0 < m.up_number < own.up_number and m.node != self._local
        )
        self._handed_over &= set(self._older)
        present = {m.node for m in members}
        gone, self._present = self._present - present, present
        # One that is not a member here yet may be one elsewhere.
        self._heirs = [heir for heir in self._heirs if heir not in gone]
        self._goes = self._local in retiring or (own is not None and own.status not in _STAYING)
        if self.host == self._local and not self._has_yielded:
            return self._claim(before)
        if self.phase is Phase.waiting:
            self.phase = Phase.elsewhere
        return self._yield()

    def hand_over(self, asker: NodeId) -> list[Effect]:
        """A younger member has become the host: it has seen this node retire, leave or be given up."""
        self._heirs.append(asker)
        return self._yield()

    def handed_over(self, node: NodeId) -> list[Effect]:
        if node in self._older:
            self._handed_over.add(node)
        return self._start()

    def stopped(self) -> list[Effect]:
        """The singleton has stopped, as it was told."""
        self.phase = Phase.elsewhere
        if self.host == self._local and not self._has_yielded:
            return self._claim()
        return self._yield()

    def out(self) -> list[Effect]:
        """This node is no member any more, and its next incarnation begins anew."""
        running = self.phase is Phase.running
        self.host, self._older = None, ()
        self._handed_over.clear()
        self._heirs.clear()
        self._goes = self._has_yielded = True
        self.phase = Phase.stopping if running or self.phase is Phase.stopping else Phase.elsewhere
        return [Stop()] if running else []

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self.phase is not Phase.waiting or self.host == self._local, "it waits for what is another's"
        assert self._handed_over <= set(self._older), "who is not older has handed over"

    def _claim(self, asked: Sequence[NodeId] = ()) -> list[Effect]:
        """Run it as soon as all older members have handed over; those that were asked already have it to do."""
        match self.phase:
            case Phase.elsewhere:
                self.phase = Phase.waiting
                return [*map(self._ask, self._missing()), *self._start()]
            case Phase.waiting:
                return [*(self._ask(node) for node in self._missing() if node not in asked), *self._start()]
            case Phase.running | Phase.stopping:
                return []

    def _missing(self) -> list[NodeId]:
        return [node for node in self._older if node not in self._handed_over]

    def _ask(self, node: NodeId) -> Say:
        return Say(node, HandOver(self.name))

    def _yield(self) -> list[Effect]:
        """Let go of it for good, if this node goes and somebody wants it."""
        if not self._goes or not self._heirs:
            return []
        self._has_yielded = True
        match self.phase:
            case Phase.running:
                self.phase = Phase.stopping
                return [Stop()]
            case Phase.stopping:
                return []
            case Phase.elsewhere | Phase.waiting:
                self.phase = Phase.elsewhere
                heirs, self._heirs = self._heirs, []
                return [Say(heir, HandedOver(self.name)) for heir in heirs]

    def _start(self) -> list[Effect]:
        if self.phase is not Phase.waiting or self._missing():
            return []
        self.phase = Phase.running
        return [Start()]
