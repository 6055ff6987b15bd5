"""Random programs of callers of the collections, and whether what they saw is linearizable."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from casty.coordination.operations import Structure
from casty.coordination.structures import Bucket, Counter, Members, Queue, Register, counter, members, register
from casty.coordination.structures import map_commands as maps
from casty.coordination.structures import queue_commands as queues
from casty.testing.linearizability import (
    CounterModel,
    MapKeyModel,
    Model,
    NotLinearizableError,
    QueueModel,
    RegisterModel,
    SetModel,
    UndecidedError,
    check_linearizable,
)

from tests.core.coordination.world import Caller, World

type Program = Callable[[Random], tuple[tuple[Any, ...], Any]]


def counting(random: Random) -> tuple[tuple[Any, ...], Any]:
    n = random.randint(1, 3)
    return random.choice(
        [
            (("increment", n), counter.Add(n)),
            (("decrement", n), counter.Add(-n)),
            (("get",), counter.Get()),
            (("get_and_reset",), counter.Reset()),
        ]
    )


def registering(random: Random) -> tuple[tuple[Any, ...], Any]:
    value, expected = random.choice((b"a", b"b", b"c")), random.choice((None, b"a", b"b", b"c"))
    return random.choice(
        [
            (("get",), register.Read()),
            (("compare_and_set", expected, value), register.CompareAndSet(expected, value)),
        ]
    )


def mapping(random: Random) -> tuple[tuple[Any, ...], Any]:
    key, value, expected = random.choice((b"k", b"l")), random.choice((b"a", b"b")), random.choice((b"a", b"b"))
    return random.choice(
        [
            (("put", key, value), maps.Put(7, key, value)),
            (("put_if_absent", key, value), maps.PutIfAbsent(7, key, value)),
            (("compare_and_set", key, expected, value), maps.CompareAndSet(7, key, expected, value)),
            (("delete", key), maps.Delete(7, key)),
            (("get", key), maps.Get(7, key)),
        ]
    )


def gathering(random: Random) -> tuple[tuple[Any, ...], Any]:
    member = random.choice((b"a", b"b"))
    return random.choice(
        [
            (("add", member), members.Add(member)),
            (("remove", member), members.Remove(member)),
            (("contains", member), members.Contains(member)),
            (("size",), members.Size()),
        ]
    )


def queueing(random: Random) -> tuple[tuple[Any, ...], Any]:
    item = random.choice((b"a", b"b", b"c"))
    return random.choice(
        [
            (("enqueue", item), queues.Enqueue(item)),
            (("dequeue",), queues.Dequeue()),
            (("peek",), queues.Peek()),
            (("size",), queues.Size()),
        ]
    )


KINDS: dict[str, tuple[Callable[[], Structure], Program, Model[Any]]] = {
    "counter": (Counter, counting, CounterModel()),
    "register": (Register, registering, RegisterModel()),
    "map": (Bucket, mapping, MapKeyModel()),
    "set": (Members, gathering, SetModel()),
    "queue": (Queue, queueing, QueueModel()),
}


def run(kind: str, seed: int) -> World:
    """Four callers with eight operations each, and two restarts of the entity."""
    make, program, _ = KINDS[kind]
    world = World(make, f"{kind}-{seed}")

    def calls() -> Iterator[tuple[tuple[Any, ...], Any]]:
        for _ in range(8):
            yield program(world.random)

    for name in "abcd":
        Caller(world, name).go_on(calls())
    for _ in range(2):
        world.later(world.random.uniform(0, 20), world.restart)
    world.run(until=1_000.0)
    return world


def check(kind: str, world: World) -> None:
    """Raises `NotLinearizableError`."""
    partition = key_of if kind == "map" else None
    check_linearizable(world.history.operations, KINDS[kind][2], partition=partition, max_configurations=200_000)


def key_of(call: tuple[Any, ...]) -> object:
    return call[1]


def is_violated(kind: str, seeds: range) -> bool:
    """Whether one of these runs is not linearizable."""
    for seed in seeds:
        try:
            check(kind, run(kind, seed))
        except NotLinearizableError:
            return True
        except UndecidedError:
            continue
    return False
