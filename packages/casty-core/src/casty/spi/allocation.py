"""What an allocation strategy implements: which node runs each shard of a region. Pure functions.

The coordinator of a region, on the oldest member, has one strategy for the region. It calls `allocate` for each shard
that needs a node, and `rebalance` from time to time while nothing moves and all members are reachable. A strategy that
raises, or returns what the contract does not allow, is reported; the shard then goes to the node with the fewest.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from casty.member import NodeId

SPI: Final = 1

type Regions = Mapping[NodeId, Collection[int]]
"""The nodes that may be given shards, the oldest member first, and the shards that each of them has."""
type Move = tuple[int, NodeId]
"""A shard, and the node that it moves to."""


class AllocationStrategy(Protocol):
    """No clock, no network, no waiting, and no changes of its arguments.

    Its decisions should follow from its arguments alone: the next coordinator has a new strategy of the same kind.
    """

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        """Return the node that shall run the shard, one of `regions`, of which there is at least one."""
        ...

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        """Return up to `limit` shards that shall move to other nodes of `regions`. No shard is on the move now.

        Where it is called again and again with what its moves have made of `regions`, it comes to an end.
        """
        ...
