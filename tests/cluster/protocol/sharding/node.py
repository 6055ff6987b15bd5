"""One incarnation of a node: its machines, what it sees of the membership, and the entities of its shards."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from casty.member import ClusterState, Member, MemberStatus, NodeId
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.region import Region

from tests.cluster.protocol.sharding.ledger import Letter


@dataclass(slots=True)
class Entity:
    """An entity that was started, or is being passivated."""

    mailbox: deque[Letter] = field(default_factory=deque[Letter])
    passivates: bool = False
    """It stops: what arrives meanwhile stays in the mailbox for the next start."""


@dataclass(slots=True)
class Shard:
    """The entities of a shard: what the shell has to do for `Deliver`, `Drain` and `Halt`."""

    epoch: int
    drains: bool = False
    entities: dict[str, Entity] = field(default_factory=dict[str, Entity])

    def deliver(self, entity: str, letter: Letter) -> None:
        self.entities.setdefault(entity, Entity()).mailbox.append(letter)

    @property
    def letters(self) -> list[Letter]:
        return [letter for entity in self.entities.values() for letter in entity.mailbox]

    @property
    def has_drained(self) -> bool:
        return self.drains and not any(entity.mailbox or entity.passivates for entity in self.entities.values())


class Node:
    """What one incarnation has. `index` is its place in the cluster; all that it sees is named by such indices."""

    def __init__(self, index: int, node: NodeId, num_shards: int, *, able: bool, capacity: int, strategy: Any) -> None:
        self.index = index
        self.id = node
        self.region = Region[Letter](node, num_shards, able=able, capacity=capacity)
        self.coordinator = Coordinator(node, num_shards, strategy)
        self.able = able
        self.runs = False
        self.ended = False
        self.known: dict[int, None] = {}
        self.ups = 0
        """How many of those that have come up are seen as up."""
        self.leaving: set[int] = set()
        self.removed: set[int] = set()
        self.claims: dict[int, int] = {}
        self.shards: dict[int, Shard] = {}
        self.quiesced = False
        self.reconnects: set[int] = set()

    @property
    def retires(self) -> bool:
        return self.index in self.leaving

    def state(self, ids: Callable[[int], NodeId], up: list[int]) -> ClusterState:
        """The membership as this node sees it."""
        numbers = {index: number for number, index in enumerate(up[: self.ups], 1)}
        members = [
            Member(
                node=ids(index),
                node_id=str(index),
                status=MemberStatus.up if index in numbers else MemberStatus.joining,
                up_number=numbers.get(index, 0),
            )
            for index in self.known
            if index not in self.removed
        ]
        retiring = frozenset(ids(index) for index in self.leaving - self.removed)
        return ClusterState(local=self.id, members=tuple(members), retiring=retiring)

    def host(self, up: list[int]) -> int | None:
        """The coordinator's node, as far as this one sees."""
        return next((i for i in up[: self.ups] if i not in self.leaving and i not in self.removed), None)

    def buffered(self) -> list[Letter]:
        return [kept.message for kept in self.region.sender.close()]

    def deadlines(self) -> Iterator[float]:
        """When time-outs of the protocol are due, without those of messages that wait for homes."""
        sender, owner = self.region.sender, self.region.owner
        for due in (sender._flushes.next(), owner.next_deadline(), self.coordinator._late_starts.next()):
            if due is not None:
                yield due

    def validate(self) -> None:
        self.region.validate()
        self.coordinator.validate()
