"""The copies of one shard, driven step by step: what happens, and which of them are away."""

from typing import Any, override

from casty_cluster.protocol.replication.effects import Committed, Send, Store
from casty_cluster.protocol.replication.member import Effect
from casty_cluster.wire.replication import Epoch

from tests.cluster.protocol.replication.node import Node
from tests.cluster.protocol.replication.scenarios import Scenario
from tests.cluster.protocol.replication.world import World

PLENTY = 1_000_000


class Group(World):
    """Nodes A, B, C …, of which the first 1 + `replicas` keep the shard at first. All invariants are checked."""

    def __init__(self, replicas: int = 2, min_acks: int = 1, spares: int = 0) -> None:
        kinds = ("promote", "append", "crash", "wipe", "tick", "fail", "grant", "save", "read", "restore", "move")
        budget: dict[str, int] = dict.fromkeys(kinds, PLENTY)
        super().__init__(Scenario(replicas=replicas, min_acks=min_acks, spares=spares, budget=budget))
        self.effects: list[tuple[str, Effect]] = []

    def node(self, name: str) -> Node:
        return self.nodes["ABCDEFGH".index(name)]

    def run(self, *, without: str = "", ticks: int = 0) -> None:
        """Let all happen that can while these nodes are away."""
        away = {self.node(name).copy for name in without}
        for tick in range(ticks + 1):
            while self.step(away):
                pass
            if tick < ticks and (due := [node for node in self.ticking if node.copy not in away]):
                self.wake(due[0])

    def step(self, away: set[str]) -> bool:
        """Let the next thing happen. Returns False where nothing can."""
        for node in self.nodes:
            if node.queue and node.copy not in away:
                self.apply(("disk", node.index))
                return True
        for index, (sender, to, _) in enumerate(self.network):
            if away.isdisjoint((sender, to)):
                self.apply(("deliver", index))
                return True
        for node in self.ticking:
            if self.is_due(node) and node.copy not in away:
                self.apply(("work", node.index))
                return True
        return False

    def promote(self, name: str, others: str | None = None, *, forced: bool = False) -> None:
        indices = None if others is None else [self.node(other).index for other in others]
        self.do_promote(self.node(name).index, indices, forced)

    def append(self, name: str, entity: int = 0) -> None:
        self.do_append(self.node(name).index, entity)

    def read(self, name: str, entity: int = 0) -> None:
        self.do_read(self.node(name).index, entity)

    def crash(self, name: str) -> None:
        self.do_crash(self.node(name).index)

    def restart(self, name: str) -> None:
        self.do_restart(self.node(name).index)

    def wipe(self, name: str) -> None:
        self.do_wipe(self.node(name).index)
        self.restart(name)

    def is_active(self, name: str) -> bool:
        member = self.node(name).member
        return member is not None and member.is_active

    def confirmed_in(self, epoch: Epoch) -> str:
        """The nodes whose copies are confirmed at that epoch."""
        return "".join("ABCDEFGH"[node.index] for node in self.nodes if node.disk.contents.confirmed == epoch)

    def events(self, name: str, entity: int = 0) -> list[int]:
        """The numbers of the events that are on that disk, as they were written."""
        return [int(entry.payload) for entry in self.node(name).disk.entries.get(f"e{entity}", [])]

    def of(self, name: str, kind: type[Any]) -> list[Any]:
        """The effects of that kind on that node."""
        return [effect for node, effect in self.effects if node == name and isinstance(effect, kind)]

    def committed(self, name: str) -> list[int]:
        return [effect.sequence_nr for effect in self.of(name, Committed)]

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """All messages so far, and the copies that they are for."""
        return [(effect.to, effect.message) for _, effect in self.effects if isinstance(effect, Send)]

    def stored_on(self, name: str) -> list[Any]:
        """The changes that this copy has asked its disk for."""
        return [store.change for store in self.of(name, Store)]

    @override
    def _carry_out(self, node: Node, effect: Effect) -> None:
        self.effects.append(("ABCDEFGH"[node.index], effect))
        super()._carry_out(node, effect)


def led_by_a(replicas: int = 2, min_acks: int = 1, spares: int = 0, events: int = 1) -> Group:
    """A is the primary, and all copies have these events."""
    group = Group(replicas, min_acks, spares)
    group.promote("A")
    group.run()
    for _ in range(events):
        group.append("A")
        group.run()
    assert group.is_active("A")
    return group
