"""A coordinator of a replicated region, on the oldest member, for tests of one machine."""

from typing import Any

from casty.member import NodeId
from casty_cluster.protocol.sharding.replicating import ReplicatingCoordinator
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.replication import Epoch, View
from casty_cluster.wire.sharding import (
    CopyReport,
    CopyState,
    FoundShard,
    GetHome,
    Grant,
    KnowShards,
    Report,
    ShardCopies,
    Started,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted
from tests.cluster.protocol.sharding.membership import A, B, C, D, E, viewed

NAMES = {A: "a", B: "b", C: "c", D: "d", E: "e"}
FOUNDED = Epoch(FIRST, A.uid)
"""That of the first view of a new shard, in which nothing runs."""
RUNS = FIRST + 1
"""The epoch at which a new shard runs first."""


class Copied(Part):
    """The coordinator on A of a region that is replicated on some nodes."""

    def __init__(
        self,
        *nodes: NodeId,
        copies: tuple[int, int, str] = (2, 1, ""),
        strategy: Any = None,
        founds: bool = True,
        knows: bool = True,
    ) -> None:
        """`founds`: whether its nodes found shards at once; `knows`: whether they store at once which there are."""
        super().__init__(10, strategy)
        self.copies = copies
        self.founds, self.knows = founds, knows
        self.machine = ReplicatingCoordinator(A, 10, strategy or Scripted(A))
        self.give(viewed(A, nodes))
        for node in nodes:
            self.joins(node)

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        left: list[Any] = []
        for effect in super().give(given, now):
            match effect:
                case SendSystem(node, FoundShard(_, shard, copies)) if self.founds:
                    left += self.reports(node, CopyState(shard, NAMES[node], copies.epoch, view_of(copies)), now=now)
                case SendSystem(node, KnowShards(_, shards)) if self.knows:
                    left += self.hear(node, CopyReport(1, (), last=False, known=shards), now)
                case _:
                    left.append(effect)
        return left

    def joins(
        self,
        node: NodeId,
        *states: CopyState,
        copies: tuple[int, int, str] | None = None,
        known: tuple[int, ...] = (),
    ) -> list[Any]:
        report = Report(term=1, able=True, num_shards=10, hosted=(), last=True, role="", copies=copies or self.copies)
        return [*self.hear(node, report), *self.hear(node, CopyReport(1, states, last=True, known=known))]

    def reports(self, node: NodeId, *states: CopyState, last: bool = False, now: float = 0.0) -> list[Any]:
        return self.hear(node, CopyReport(1, states, last), now)

    def keeps(self, *nodes: NodeId, shard: int = 7, now: float = 0.0) -> list[Any]:
        """They have created the copies that they were asked for."""
        return [effect for node in nodes for effect in self.reports(node, empty(node, shard), now=now)]

    def runs(self, *nodes: NodeId, shard: int = 7) -> None:
        """The shard runs on the first node, with copies on all."""
        self.hear(nodes[0], GetHome(shard, 0))
        self.keeps(*nodes, shard=shard)
        entry = self.machine.table.entries[shard]
        self.hear(entry.owner, Started(shard, entry.epoch))


KNOWN = Epoch(5, 7)


def empty(node: NodeId, shard: int = 7) -> CopyState:
    return CopyState(shard, NAMES[node], Epoch(0, 0), None)


def view_of(copies: ShardCopies) -> View:
    return View(epoch=copies.epoch, copies=copies.copies, min_acks=copies.min_acks)


def state(node: NodeId, *copies: str, epoch: Epoch = KNOWN, promised: Epoch = KNOWN) -> CopyState:
    view = View(epoch=epoch, copies=copies, min_acks=1) if copies else None
    return CopyState(7, NAMES[node], promised, view)


def granted(*copies: str) -> Grant:
    """The first grant of a new shard."""
    previous = View(epoch=FOUNDED, copies=copies, min_acks=1)
    epoch = Epoch(RUNS, A.uid)
    return Grant(1, 7, RUNS, copies=ShardCopies(epoch=epoch, copies=copies, min_acks=1, previous=previous))
