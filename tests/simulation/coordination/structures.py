"""Simulated clusters whose nodes use distributed structures in a journal that all share, and note what they see."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from random import Random
from typing import Any, Final, override

from casty import CastyError
from casty.distributed import Distributed, DistributedLock, DistributedSemaphore, LockGrant
from casty.errors import ArgumentError
from casty.testing.linearizability import (
    CounterModel,
    History,
    MapKeyModel,
    Model,
    Operation,
    QueueModel,
    RegisterModel,
    SemaphoreModel,
    SetModel,
    check_linearizable,
)
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster

JOURNAL: Final = "sim-database://structures"
PACE: Final = 0.4
"""Virtual seconds, on average, between two operations of a caller."""
TTL: Final = 6.0
PERMITS: Final = 2

type Call = tuple[tuple[Any, ...], Callable[[], Awaitable[Any]]]

MODELS: Final[dict[str, Model[Any]]] = {
    "counter": CounterModel(),
    "register": RegisterModel(),
    "map": MapKeyModel(),
    "set": SetModel(),
    "queue": QueueModel(),
    "semaphore": SemaphoreModel(PERMITS),
    "lock": SemaphoreModel(1),
}


def next_call(kind: str, d: Distributed, random: Random) -> Call:
    """Any operation on the structure of that kind."""
    value, expected = random.randint(1, 4), random.randint(1, 4)
    calls: list[Call]
    match kind:
        case "counter":
            counter = d.counter("x")
            calls = [
                (("increment", value), lambda: counter.increment(value)),
                (("get",), counter.get),
                (("get_and_reset",), counter.get_and_reset),
            ]
        case "register":
            register = d.register[int]("x")
            calls = [
                (("get",), register.get),
                (("set", value), lambda: register.set(value)),
                (("compare_and_set", expected, value), lambda: register.compare_and_set(expected, value)),
            ]
        case "map":
            table = d.map[str, int]("x", shards=4)
            key = random.choice(("a", "b"))
            calls = [
                (("get", key), lambda: table.get(key)),
                (("put", key, value), lambda: table.put(key, value)),
                (("put_if_absent", key, value), lambda: table.put_if_absent(key, value)),
                (("delete", key), lambda: table.delete(key)),
            ]
        case "set":
            members = d.set[int]("x")
            calls = [
                (("add", value), lambda: members.add(value)),
                (("remove", value), lambda: members.remove(value)),
                (("contains", value), lambda: members.contains(value)),
            ]
        case "queue":
            queue = d.queue[int]("x")
            calls = [
                (("enqueue", value), lambda: queue.enqueue(value)),
                (("dequeue",), queue.dequeue),
                (("peek",), queue.peek),
            ]
        case _:
            raise AssertionError(kind)
    return random.choice(calls)


def key_of(call: tuple[Any, ...]) -> object:
    return call[1]


class StructureCluster(BusyCluster):
    """Callers on each node, one for each kind of collection, and one each for a lock and a semaphore."""

    def __init__(self, sim: Simulation, size: int, kinds: Iterable[str], **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self.kinds = tuple(kinds)
        self.histories = {kind: History(sim.time) for kind in self.kinds}
        self._grants: list[tuple[str, LockGrant, float]] = []
        """All that callers were granted, by kind of structure, with what their host's clock is behind the simulation's.
        """

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        d = system.distributed(JOURNAL)
        for kind in self.kinds:
            leased = kind in ("lock", "semaphore")
            yield self._hold(name, system, d, kind) if leased else self._use(name, system, d, kind)

    async def _use(self, name: str, system: ClusteredActorSystem, d: Distributed, kind: str) -> None:
        while await self.goes_on(system, PACE):
            call, start = next_call(kind, d, self.sim.random)
            await self._record(name, kind, call, start)

    async def _record(self, name: str, kind: str, call: tuple[Any, ...], start: Callable[[], Awaitable[Any]]) -> Any:
        """The result of an operation, or the error that leaves its outcome unknown."""
        try:
            return await self.histories[kind].record(name, call, start())
        except ArgumentError as error:
            self.wrong.append(f"{call} was refused: {error}")
        except (CastyError, TimeoutError) as error:
            return error

    async def _hold(self, name: str, system: ClusteredActorSystem, d: Distributed, kind: str) -> None:
        leased = d.lock("x", ttl=TTL) if kind == "lock" else d.semaphore("x", PERMITS, ttl=TTL)
        history = self.histories[kind]
        while await self.goes_on(system, PACE):
            # What an attempt was granted may have ended without any caller's knowledge, and then another one succeeded.
            history.add(Operation(process=name, call=("acquire",), invoked=self.sim.time()))
            try:
                await history.record(name, ("acquire",), self._acquired(kind, leased, system))
            except (CastyError, TimeoutError):
                continue
            await self.goes_on(system, PACE)
            grant = leased.grant
            if grant is not None and self.sim.random.random() < 0.8:
                await self._record(name, kind, ("release", grant.token), grant.release)

    async def _acquired(
        self, kind: str, leased: DistributedLock | DistributedSemaphore, system: ClusteredActorSystem
    ) -> int:
        grant = await leased.acquire()
        self._grants.append((kind, grant, self.sim.time() - system.clock.time()))
        return grant.token

    def check(self) -> int:
        """Raises `NotLinearizableError`. Returns the number of operations that have returned."""
        returned = 0
        for kind, grant, behind in self._grants:
            ended = Operation(process="lease", call=("expire", grant.token), invoked=grant.valid_until + behind)
            self.histories[kind].add(ended)
        for kind, history in self.histories.items():
            partition = key_of if kind == "map" else None
            check_linearizable(history.operations, MODELS[kind], partition=partition)
            returned += sum(operation.returned < float("inf") for operation in history.operations)
        return returned
