"""Where shards go: the decisions of an allocation strategy, checked.

A user may have written the strategy: it may raise or return nonsense, and each shard gets a node all the same.
"""

from collections.abc import Callable, Collection, Container, Iterator
from itertools import chain
from typing import Final, final, override

from casty.interruption import described, raise_unless_failure
from casty.member import NodeId
from casty.spi.allocation import AllocationStrategy, Move, Regions

from casty_cluster.protocol.sharding.allocation import LeastShards
from casty_cluster.protocol.sharding.census import Census
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.table import Allotment, Table

REBALANCE_SHARDS: Final = 20
"""Shards that move in a round, or a tenth of all if that is less."""

_LEAST_SHARDS: Final = LeastShards()


def _none(_: NodeId) -> Collection[int]:
    return ()


@final
class _Both(Collection[int]):
    """Two collections that have nothing in common, as one: nothing is copied."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Collection[int], second: Collection[int]) -> None:
        self._first, self._second = first, second

    @override
    def __contains__(self, shard: object) -> bool:
        return shard in self._first or shard in self._second

    @override
    def __iter__(self) -> Iterator[int]:
        return chain(self._first, self._second)

    @override
    def __len__(self) -> int:
        return len(self._first) + len(self._second)


class Placement:
    """Decides for the shards of the table and the regions of the census."""

    def __init__(self, strategy: AllocationStrategy, table: Table, census: Census) -> None:
        self.strategy = strategy
        self.reserved: Callable[[NodeId], Collection[int]] = _none
        """Shards that a node is about to be granted: a strategy that counts shards counts these as well."""
        self._table = table
        self._census = census

    def choose(
        self, shard: int, *, without: NodeId | None = None, among: Container[NodeId] | None = None
    ) -> tuple[NodeId | None, list[Warn]]:
        """The node for the shard, one of those if any are given: that with the fewest shards if the strategy fails;
        None: there is no region.
        """
        regions = self._regions(without, among)
        if not regions:
            return None, []
        try:
            node = self.strategy.allocate(shard, regions)
            if node in tuple(regions):  # by equality: what a strategy returns may not even be hashable
                return node, []
            problem = f"returned {node!r} for shard {shard}, which is none of the {len(regions)} nodes that can run it"
        except BaseException as error:
            raise_unless_failure(error)
            problem = f"raised {described(error)} for shard {shard}"
        chosen = _LEAST_SHARDS.allocate(shard, regions)
        return chosen, [self._warning(problem, f"the shard goes to {chosen}, which has the fewest")]

    def round(self, num_shards: int) -> tuple[list[Move], list[Warn]]:
        """The moves of a round of rebalancing; none while there is an obstacle, or if the strategy fails."""
        if self.obstacle:
            return [], []
        regions = self._regions()
        limit = max(1, min(REBALANCE_SHARDS, num_shards // 10))
        try:
            moves = [(shard, node) for shard, node in self.strategy.rebalance(regions, limit)]
            strange = [(shard, node) for shard, node in moves if node not in tuple(regions)]
            if not strange:
                return [(shard, node) for shard, node in moves if self._can_move(shard, node)][:limit], []
            problem = "wants to move shard {!r} to {!r}, which cannot run it".format(*strange[0])
        except BaseException as error:
            raise_unless_failure(error)
            problem = f"raised {described(error)}"
        return [], [self._warning(problem, "no shard is moved in this round")]

    @property
    def obstacle(self) -> str:
        """Why no shard can be moved now: it is unknown what an unreachable member, or a shard on the move, will change.
        Empty if there is no obstacle.
        """
        if unreachable := sorted(self._census.state.unreachable):
            return f"members are unreachable: {', '.join(map(str, unreachable))}"
        if self._table.moving:
            return f"{len(self._table.moving)} shards are on the move already"
        return "" if len(self._census.eligible) > 1 else "fewer than two nodes can run its shards"

    def _regions(self, without: NodeId | None = None, among: Container[NodeId] | None = None) -> Regions:
        nodes = (node for node in self._census.eligible if node != without and (among is None or node in among))
        return {node: _Both(self._table.on(node), self.reserved(node)) for node in nodes}

    def _can_move(self, shard: int, node: NodeId) -> bool:
        entry = self._table.get(shard)
        return entry is not None and entry.state is Allotment.owned and entry.owner != node

    def _warning(self, problem: str, consequence: str) -> Warn:
        return Warn(f"the allocation strategy {type(self.strategy).__name__} {problem}; {consequence}", "strategy")
