"""Pending requests for homes: at most one of each member for each shard."""

from casty.member import NodeId


class Requests:
    """The members that wait for a home of a shard, each for one above an epoch."""

    def __init__(self) -> None:
        self._pending: dict[int, dict[NodeId, int]] = {}
        self._of: dict[NodeId, dict[int, None]] = {}
        """The shards that a member waits for."""

    def __contains__(self, shard: int) -> bool:
        return shard in self._pending

    @property
    def shards(self) -> list[int]:
        return list(self._pending)

    def add(self, shard: int, node: NodeId, after: int) -> None:
        """The node's last request for the shard counts: it has left the homes before that epoch by now."""
        self._pending.setdefault(shard, {})[node] = after
        self._of.setdefault(node, {})[shard] = None

    def answer(self, shard: int, epoch: int) -> list[NodeId]:
        """Remove and return the members to which a home at that epoch is of use."""
        served = [node for node, after in self._pending.get(shard, {}).items() if epoch > after]
        for node in served:
            self._remove(shard, node)
        return served

    def drop(self, node: NodeId) -> None:
        """The node is no member any more."""
        for shard in list(self._of.get(node, ())):
            self._remove(shard, node)

    def clear(self) -> None:
        self._pending.clear()
        self._of.clear()

    def _remove(self, shard: int, node: NodeId) -> None:
        del self._pending[shard][node], self._of[node][shard]
        if not self._pending[shard]:
            del self._pending[shard]
        if not self._of[node]:
            del self._of[node]
