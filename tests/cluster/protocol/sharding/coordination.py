"""A coordinator on the oldest member for tests of one machine."""

from collections.abc import Sequence
from typing import Any

from casty.member import NodeId
from casty.spi.allocation import Move, Regions
from casty_cluster.protocol.sharding.coordinator import GRANTS, Coordinator, Phase
from casty_cluster.protocol.sharding.effects import Note
from casty_cluster.protocol.sharding.inputs import Received
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import (
    Hello,
    Report,
    ShardHome,
)

from tests.cluster.protocol.sharding.membership import A, B, viewed
from tests.cluster.protocol.sharding.noting import notes, without_notes

FIRST = (1 << GRANTS) + 1
"""The first epoch of the term of A, the oldest member and coordinator."""


class Scripted:
    """Places shards on a node of choice, and moves what it is given."""

    def __init__(self, node: Any = B, moves: Any = ()) -> None:
        self.node = node
        self.moves = moves

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return self.node

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return self.moves


class Part:
    """The coordinator on A, checked after each input."""

    def __init__(self, num_shards: int = 100, strategy: Any = None) -> None:
        self.num_shards = num_shards
        self.machine = Coordinator(A, num_shards, strategy or Scripted())
        self.notes: list[Note] = []
        """What operators have learnt."""

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        effects = self.machine.handle(given, now)
        self.machine.validate()
        self.notes += notes(effects)
        return without_notes(effects)

    def hear(self, node: NodeId, message: Any, now: float = 0.0) -> list[Any]:
        return self.give(Received(node, message), now)

    def report(
        self,
        node: NodeId,
        *hosted: Hosted,
        able: bool = True,
        last: bool = True,
        term: int = 1,
        remembers: bool = False,
    ) -> list[Any]:
        message = Report(
            term=term, able=able, num_shards=self.num_shards, hosted=hosted, last=last, remembers=remembers
        )
        return self.hear(node, message)


def active(*nodes: NodeId, **options: Any) -> Part:
    part = Part(**options)
    part.give(viewed(A, nodes))
    for node in nodes:
        part.report(node)
    assert part.machine.phase is Phase.active
    return part


def to(node: NodeId, message: Any) -> SendSystem[Any]:
    return SendSystem(node, message)


def home(owner: NodeId, epoch: int, shard: int = 7) -> ShardHome:
    return ShardHome(term=1, shard=shard, owner=owner, epoch=epoch)


def hello(node: NodeId) -> SendSystem[Hello]:
    return to(node, Hello(1, 100))
