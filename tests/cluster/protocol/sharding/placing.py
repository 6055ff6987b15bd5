"""The allocation strategy of an exploration: makes the moves that the exploration picks, and
places shards differently in each trace."""

from collections.abc import Sequence

from casty.member import NodeId
from casty.spi.allocation import Move, Regions


class Placing:
    """Fewest shards first; `salt` decides between equals."""

    def __init__(self, salt: int) -> None:
        self.salt = salt
        self.next_moves: Sequence[Move] = ()

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return min(regions, key=lambda node: (len(regions[node]), (node.uid * 7 + shard * 3 + self.salt) % 11))

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        moves, self.next_moves = self.next_moves, ()
        return moves
