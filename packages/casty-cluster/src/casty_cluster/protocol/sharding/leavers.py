"""Members that leave while others stay: they hand off their shards, then all members leave the homes on them.

A leaver goes through three steps: it hands off its shards; once it has none, each member that has reported is asked to
forget it; once each of these has, or was removed, no message for an entity is under way to it, and it may stop.
"""

from collections.abc import Iterable

from casty.member import NodeId


class Leavers:
    """How far each of them has come."""

    def __init__(self) -> None:
        self._pending: dict[NodeId, dict[NodeId, None] | None] = {}
        """The members that have not forgotten the leaver yet. None: they have not been asked."""
        self.released: set[NodeId] = set()
        """Those that may stop: they may be gone at any moment."""
        self.are_kept = False
        """Whether none of them may stop yet, for another reason."""

    def start(self, leaver: NodeId) -> bool:
        """Return whether this is new."""
        if leaver in self._pending:
            return False
        self._pending[leaver] = None
        return True

    def ask(self, leaver: NodeId, members: Iterable[NodeId]) -> list[NodeId]:
        """Return the members that are to be asked to forget the leaver, once: the first time."""
        if self._pending[leaver] is not None:
            return []
        pending = self._pending[leaver] = {node: None for node in members if node != leaver}
        return list(pending)

    def forgotten(self, leaver: NodeId, by: NodeId) -> None:
        pending = self._pending.get(leaver)
        if pending is not None:
            pending.pop(by, None)

    def removed(self, node: NodeId) -> None:
        """The node is no member any more: nothing of it is waited for."""
        self._pending.pop(node, None)
        self.released.discard(node)
        for leaver in self._pending:
            self.forgotten(leaver, node)

    def release(self, leaver: NodeId) -> bool:
        """Return whether the leaver may stop, once: the first time."""
        if self.are_kept or self._pending[leaver] != {} or leaver in self.released:
            return False
        self.released.add(leaver)
        return True

    def clear(self) -> None:
        self._pending.clear()
        self.released.clear()
