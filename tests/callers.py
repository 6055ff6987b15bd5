"""Callers of distributed structures that note what they see: in simulated clusters, and in those of real processes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any, Final, Protocol

from casty import ArgumentError, CastyError
from casty.coordination.leases import Leased
from casty.distributed import Distributed, LockGrant
from casty.testing.linearizability import (
    CounterModel,
    MapKeyModel,
    Model,
    Operation,
    QueueModel,
    RegisterModel,
    SemaphoreModel,
    SetModel,
    check_linearizable,
)

PERMITS: Final = 2
IMPATIENT: Final = 2.0
"""Seconds after which one acquire in three is cancelled."""
LONG: Final = 15
"""Pauses for which a permit is held now and then: its lease is renewed meanwhile."""

type Call = tuple[Any, ...]
"""As the history has it."""
type Use = tuple[Call, Callable[[], Awaitable[Any]]]

LEASED: Final = frozenset({"lock", "semaphore", "election"})
MODELS: Final[dict[str, Model[Any]]] = {
    "counter": CounterModel(),
    "register": RegisterModel(),
    "map": MapKeyModel(),
    "set": SetModel(),
    "queue": QueueModel(),
    "semaphore": SemaphoreModel(PERMITS),
    "lock": SemaphoreModel(1),
    "election": SemaphoreModel(1),
}


def check(kind: str, operations: Iterable[Operation]) -> int:
    """Raises `NotLinearizableError`. Returns the number of operations that have returned."""
    seen = list(operations)
    check_linearizable(seen, MODELS[kind], partition=_key_of if kind == "map" else None)
    return returned(seen)


def returned(operations: Iterable[Operation]) -> int:
    """The number of operations that have returned."""
    return sum(operation.returned < float("inf") for operation in operations)


def _key_of(call: Call) -> object:
    return call[1]


class Notes(Protocol):
    """Where callers note what they see."""

    async def record[R](self, process: str, call: Call, awaitable: Awaitable[R], /) -> R:
        """Await an operation, and note it with its result."""
        ...

    def may_happen(self, process: str, call: Call, /) -> None:
        """Note an operation that may happen from now on without any caller's knowledge."""
        ...

    def held(self, grant: LockGrant, /) -> None:
        """Note until when a lease holds, or has held; it may have been renewed or lost since the last time."""
        ...


class Caller:
    """Makes one operation after the other on a structure, as long as `goes_on`, which waits for the next moment."""

    def __init__(
        self,
        name: str,
        kind: str,
        d: Distributed,
        random: Random,
        notes: Notes,
        goes_on: Callable[[], Awaitable[bool]],
        *,
        ttl: float,
    ) -> None:
        self._name = name
        self._kind = kind
        self._d = d
        self._random = random
        self._notes = notes
        self._goes_on = goes_on
        self._ttl = ttl

    async def run(self) -> None:
        """Raises `ArgumentError` for an operation that was refused: that is an error of the structure here."""
        await (self._hold() if self._kind in LEASED else self._use())

    async def _use(self) -> None:
        while await self._goes_on():
            call, start = self._random.choice(uses(self._kind, self._d, self._random))
            await self._noted(call, start)

    async def _noted(self, call: Call, start: Callable[[], Awaitable[Any]]) -> bool:
        """Make an operation; return whether its outcome is known."""
        try:
            await self._notes.record(self._name, call, start())
        except ArgumentError:
            raise
        except (CastyError, TimeoutError):
            return False
        return True

    async def _hold(self) -> None:
        leased = self._leased()
        while await self._goes_on():
            # What an attempt was granted may have ended without any caller's knowledge, and then another one succeeded.
            self._notes.may_happen(self._name, ("acquire",))
            if not await self._noted(("acquire",), lambda: self._token(leased)):
                continue
            for _ in range(self._random.choice((1, 1, 1, LONG))):
                await self._goes_on()
                if leased.grant is not None:
                    self._notes.held(leased.grant)
            grant = leased.grant
            if grant is not None:
                await self._noted(("release", grant.token), grant.release)

    def _leased(self) -> Leased:
        match self._kind:
            case "lock":
                return self._d.lock("x", ttl=self._ttl, on_lost=self._notes.held)
            case "election":
                return self._d.election("x", candidate=self._name, ttl=self._ttl, on_lost=self._notes.held)
            case _:
                return self._d.semaphore("x", PERMITS, ttl=self._ttl, on_lost=self._notes.held)

    async def _token(self, leased: Leased) -> int:
        async with asyncio.timeout(self._random.choice((None, None, IMPATIENT))):
            grant = await leased.acquire()
        self._notes.held(grant)
        return grant.token


def uses(kind: str, d: Distributed, random: Random) -> list[Use]:
    """Operations on the structure of that kind, one of each, with arguments drawn by lot."""
    value, expected = random.randint(1, 4), random.randint(1, 4)
    match kind:
        case "counter":
            counter = d.counter("x")
            return [
                (("increment", value), lambda: counter.increment(value)),
                (("decrement", value), lambda: counter.decrement(value)),
                (("get",), counter.get),
                (("get_and_reset",), counter.get_and_reset),
            ]
        case "register":
            register = d.register[int]("x")
            return [
                (("get",), register.get),
                (("set", value), lambda: register.set(value)),
                (("compare_and_set", expected, value), lambda: register.compare_and_set(expected, value)),
            ]
        case "map":
            table = d.map[str, int]("x", shards=4)
            key = random.choice(("a", "b"))
            return [
                (("get", key), lambda: table.get(key)),
                (("contains", key), lambda: table.contains(key)),
                (("put", key, value), lambda: table.put(key, value)),
                (("put_if_absent", key, value), lambda: table.put_if_absent(key, value)),
                (("compare_and_set", key, expected, value), lambda: table.compare_and_set(key, expected, value)),
                (("delete", key), lambda: table.delete(key)),
            ]
        case "set":
            members = d.set[int]("x")
            return [
                (("add", value), lambda: members.add(value)),
                (("remove", value), lambda: members.remove(value)),
                (("contains", value), lambda: members.contains(value)),
                (("size",), members.size),
            ]
        case "queue":
            queue = d.queue[int]("x")
            return [
                (("enqueue", value), lambda: queue.enqueue(value)),
                (("dequeue",), queue.dequeue),
                (("dequeue",), lambda: queue.dequeue(wait=2.0)),
                (("peek",), queue.peek),
                (("size",), queue.size),
            ]
        case _:
            raise AssertionError(kind)
