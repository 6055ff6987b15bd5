"""The cluster as the shells above the node see it: a value at a time, and whoever wants the next one."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.member import Member, MemberStatus, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """What one incarnation of this node knows of its cluster."""

    local: NodeId
    members: tuple[Member, ...]
    """By node, the local one among them; no removed ones."""
    unreachable: frozenset[NodeId] = frozenset()
    retiring: frozenset[NodeId] = frozenset()
    """Those that have said that they are about to leave, so that they are given nothing new."""
    leader: NodeId | None = None

    @property
    def up(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.status is MemberStatus.up)

    @property
    def others(self) -> tuple[NodeId, ...]:
        """The other members by node, but for those that were given up. Until all know that a node has been started
        again, two of them may be at one address.
        """
        return tuple(
            member.node
            for member in self.members
            if member.node != self.local and member.status is not MemberStatus.down
        )


type Observer = Callable[[ClusterState | None], None]
"""Given each new view; None: this node is no member any more."""


class Views:
    """The newest view, and who is told of the next one."""

    def __init__(self) -> None:
        self.current: ClusterState | None = None
        self._observers: dict[Observer, None] = {}

    def observe(self, observer: Observer) -> None:
        """`observer` is called now, if there is a view, and with each one that follows."""
        self._observers[observer] = None
        if self.current is not None:
            observer(self.current)

    def ignore(self, observer: Observer) -> None:
        self._observers.pop(observer, None)

    def show(self, view: ClusterState | None) -> None:
        """Tell everybody, if it is news."""
        if view != self.current:
            self.current = view
            for observer in list(self._observers):
                observer(view)
