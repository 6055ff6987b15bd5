"""Simulated clusters whose nodes use distributed structures in a journal that all share, and note what they see."""

from collections.abc import Coroutine, Iterable
from typing import Any, Final, override

from casty import ArgumentError
from casty.distributed import Distributed, LockGrant
from casty.testing.linearizability import History, Operation
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

from tests.callers import Call, Caller, check
from tests.simulation.busy import BusyCluster

JOURNAL: Final = "sim-database://structures"
PACE: Final = 0.4
"""Virtual seconds, on average, between two operations of a caller."""
TTL: Final = 6.0


class StructureCluster(BusyCluster):
    """A caller on each node for each kind of structure."""

    def __init__(self, sim: Simulation, size: int, kinds: Iterable[str], **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self.histories = {kind: History(sim.time) for kind in kinds}
        self._leases: dict[LockGrant, tuple[str, float]] = {}
        """The kind of each grant, and until when it has held."""

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        for kind in self.histories:
            notes = HostNotes(self, system, kind)
            d = self.facade(system)
            caller = Caller(name, kind, d, self.sim.random, notes, lambda: self.goes_on(system, PACE), ttl=TTL)
            yield self._expecting_no_refusal(caller)

    def facade(self, system: ClusteredActorSystem) -> Distributed:
        """The structures, in a journal that all nodes share."""
        return system.distributed(JOURNAL)

    async def _expecting_no_refusal(self, caller: Caller) -> None:
        try:
            await caller.run()
        except ArgumentError as error:
            self.wrong.append(f"an operation was refused: {error}")

    def held(self, kind: str, grant: LockGrant, until: float) -> None:
        self._leases[grant] = kind, until

    @property
    def returned(self) -> int:
        """Operations that have."""
        histories = self.histories.values()
        return sum(operation.returned < float("inf") for history in histories for operation in history.operations)

    def check(self) -> int:
        """Raises `NotLinearizableError`. Returns the number of operations that have returned."""
        for grant, (kind, until) in self._leases.items():
            self.histories[kind].add(Operation(process="lease", call=("expire", grant.token), invoked=until))
        return sum(check(kind, history.operations) for kind, history in self.histories.items())


class HostNotes:
    """What callers on one host see of the structure of a kind, by the simulation's clock."""

    def __init__(self, cluster: StructureCluster, system: ClusteredActorSystem, kind: str) -> None:
        self._cluster = cluster
        self._system = system
        self._kind = kind
        self._history = cluster.histories[kind]
        self.record = self._history.record

    def may_happen(self, process: str, call: Call) -> None:
        self._history.add(Operation(process=process, call=call, invoked=self._cluster.sim.time()))

    def held(self, grant: LockGrant) -> None:
        behind = self._cluster.sim.time() - self._system.clock.time()
        self._cluster.held(self._kind, grant, grant.valid_until + behind)
