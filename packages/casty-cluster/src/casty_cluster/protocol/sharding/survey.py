"""A look at a region on all nodes, for operators: collects what each member reports of its shards.

Each member knows its own shards and how many entities they have; the coordinator knows where those go that move. A
member that does not reply in time is named in the result; one that is removed meanwhile is not waited for.
"""

from collections.abc import Iterable

from casty.member import NodeId
from casty.regions import RegionState, ShardState, ShardStatus

from casty_cluster.protocol.sharding.overview import status
from casty_cluster.wire.sharding import StateReport


class Survey:
    """The reports to one request."""

    def __init__(self, name: str, num_shards: int, members: Iterable[NodeId]) -> None:
        self._name = name
        self._num_shards = num_shards
        self._waiting = dict.fromkeys(members)
        self._shards: dict[int, ShardState] = {}
        self._targets: dict[int, NodeId] = {}
        self._obstacles: dict[int, str] = {}
        self._coordinator: NodeId | None = None
        self._nodes: dict[NodeId, None] = {}
        self._unreported: dict[NodeId, None] = {}

    @property
    def is_over(self) -> bool:
        return not self._waiting

    def take(self, node: NodeId, report: StateReport) -> None:
        if node not in self._waiting:
            return
        for shard, epoch, phase, entities in report.hosted:
            known = self._shards.get(shard)
            if 0 <= shard < self._num_shards and (known is None or known.epoch < epoch):
                self._shards[shard] = ShardState(shard, node, epoch, status(phase), entities=entities)
        self._targets |= report.targets
        self._obstacles |= report.unavailable
        self._nodes |= dict.fromkeys(report.nodes)
        self._unreported |= dict.fromkeys(report.missing)
        if report.coordinates:
            self._coordinator = node
        if report.last:
            del self._waiting[node]

    def removed(self, members: Iterable[NodeId]) -> None:
        """Wait for none but these members."""
        present = frozenset(members)
        self._waiting = {node: None for node in self._waiting if node in present}

    def result(self) -> RegionState:
        """What is known by now."""
        away = {shard: ShardState(shard, None, 0, ShardStatus.starting) for shard in self._obstacles}
        shards = (
            state._replace(target=self._targets.get(shard), obstacle=self._obstacles.get(shard, ""))
            for shard, state in sorted((away | self._shards).items())
        )
        return RegionState(
            name=self._name,
            num_shards=self._num_shards,
            shards=tuple(shards),
            coordinator=self._coordinator,
            nodes=tuple(self._nodes),
            missing=tuple(sorted({*self._waiting, *self._unreported})),
        )
