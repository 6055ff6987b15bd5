"""The machines of one region on one incarnation of the node: its senders and owners, and its coordinator."""

from collections.abc import Callable
from typing import Any, final

from casty.clock import Clock
from casty.member import ClusterState, NodeId
from casty.spi.allocation import AllocationStrategy

from casty_cluster.node.driver import Driver
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding import coordinator, region
from casty_cluster.protocol.sharding.inputs import Received, Viewed
from casty_cluster.protocol.sharding.region import Region
from casty_cluster.protocol.sharding.replicating import ReplicatingCoordinator
from casty_cluster.sharding.letters import Letter
from casty_cluster.wire.sharding import (
    CopyReport,
    Forgotten,
    GetHome,
    Refused,
    Register,
    Report,
    Started,
    Stopped,
)

type Effect = region.Effect[Letter] | coordinator.Effect

_FROM_REGIONS = (Report, Register, GetHome, Started, Refused, Stopped, Forgotten, CopyReport)


@final
class Pair:
    """Both machines, until the incarnation ends."""

    def __init__(
        self,
        local: NodeId,
        num_shards: int,
        clock: Clock,
        carry_out: Callable[[Effect], None],
        changed: Callable[[], None],
        *,
        able: bool,
        remembers: bool,
        role: str | None,
        copies: tuple[int, int, str] | None,
        strategy: AllocationStrategy | None = None,
    ) -> None:
        """`changed` is called after each input."""
        self.local = local
        self.region = Region[Letter](local, num_shards, able=able, remembers=remembers, role=role, copies=copies)
        self.home = self.region.sender.home
        """Where a message for a shard may be sent to now, without an input to the machine."""
        self.accepts = self.region.owner.accepts
        self.coordinator = ReplicatingCoordinator(local, num_shards, strategy)
        # The region remembers no inputs: users' messages may be large.
        self._region: Driver[region.Input[Letter], region.Effect[Letter]] = Driver(
            self.region, clock, carry_out, due=lambda: self.handle(Tick()), remembered=0
        )
        self._coordinator: Driver[coordinator.Input, coordinator.Effect] = Driver(
            self.coordinator, clock, carry_out, due=lambda: self.coordinate(Tick())
        )
        self._changed = changed

    def handle(self, given: region.Input[Letter] | Tick) -> None:
        """Have the region take an input."""
        try:
            self._region.handle(given)
        finally:
            self._changed()

    def coordinate(self, given: coordinator.Input | Tick) -> None:
        """Have the coordinator take an input."""
        try:
            self._coordinator.handle(given)
        finally:
            self._changed()

    def hear(self, node: NodeId, message: Any) -> None:
        """Have the one of the two that it is for take a system message of a member."""
        if isinstance(message, _FROM_REGIONS):
            self.coordinate(Received(node, message))
        else:
            self.handle(Received(node, message))

    def see(self, view: ClusterState) -> None:
        # The coordinator first: where it retires, it must not grant what the region asks for in the same turn.
        self.coordinate(Viewed(view))
        self.handle(Viewed(view))

    def end(self) -> None:
        self._region.stop()
        self._coordinator.stop()
