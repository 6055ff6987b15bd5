"""Models of Casty's own structures. Calls are named as their methods are: `("increment", 2)`, `("put", key, value)`."""

from dataclasses import dataclass
from typing import Any, Final, Never

from casty.testing.linearizability.history import UNKNOWN, Call
from casty.testing.linearizability.model import Model, outcome

MISSING: Final = "<missing>"


def _unknown(call: Call, model: object) -> Never:
    raise ValueError(f"{type(model).__name__} has no operation {call!r}")


@dataclass(frozen=True, slots=True)
class CounterModel(Model[int]):
    """`increment(n)`, `decrement(n)`, `get()`, `get_and_reset()`."""

    start: int = 0

    def initial(self) -> int:
        return self.start

    def step(self, state: int, call: Call, result: object) -> tuple[int, ...]:
        match call:
            case ("increment", int(n)):
                return outcome(state + n, state + n, result)
            case ("decrement", int(n)):
                return outcome(state - n, state - n, result)
            case ("get",):
                return outcome(state, state, result)
            case ("get_and_reset",):
                return outcome(0, state, result)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class RegisterModel(Model[Any]):
    """`get()`, `set(value)`, `compare_and_set(expected, value)`; values are hashable."""

    start: Any = None

    def initial(self) -> Any:
        return self.start

    def step(self, state: Any, call: Call, result: object) -> tuple[Any, ...]:
        match call:
            case ("get",):
                return outcome(state, state, result)
            case ("set", value):
                return outcome(value, None, result)
            case ("compare_and_set", expected, value):
                return outcome(value if state == expected else state, state == expected, result)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class MapKeyModel(Model[Any]):
    """One key of a map; the key is the first argument of each call, and `partition=lambda call: call[1]` of
    `check_linearizable` takes a history apart by it.

    `put(key, value)`, `get(key)`, `contains(key)`, `delete(key)`, `put_if_absent(key, value)`,
    `compare_and_set(key, expected, value)`.
    """

    def initial(self) -> Any:
        return MISSING

    def step(self, state: Any, call: Call, result: object) -> tuple[Any, ...]:
        absent = state == MISSING
        match call:
            case ("get", _):
                return outcome(state, None if absent else state, result)
            case ("contains", _):
                return outcome(state, not absent, result)
            case ("put", _, value):
                return outcome(value, None if absent else state, result)
            case ("put_if_absent", _, value):
                return outcome(value if absent else state, absent, result)
            case ("delete", _):
                return outcome(MISSING, not absent, result)
            case ("compare_and_set", _, expected, value):
                return outcome(value if state == expected else state, state == expected, result)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class SetModel(Model[frozenset[Any]]):
    """`add(member)`, `remove(member)`, `contains(member)`, `size()`."""

    def initial(self) -> frozenset[Any]:
        return frozenset()

    def step(self, state: frozenset[Any], call: Call, result: object) -> tuple[frozenset[Any], ...]:
        match call:
            case ("add", member):
                return outcome(state | {member}, member not in state, result)
            case ("remove", member):
                return outcome(state - {member}, member in state, result)
            case ("contains", member):
                return outcome(state, member in state, result)
            case ("size",):
                return outcome(state, len(state), result)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class QueueModel(Model[tuple[Any, ...]]):
    """First in, first out: `enqueue(item)`, `dequeue()` and `peek()`, which return None where it is empty, `size()`."""

    def initial(self) -> tuple[Any, ...]:
        return ()

    def step(self, state: tuple[Any, ...], call: Call, result: object) -> tuple[tuple[Any, ...], ...]:
        match call:
            case ("enqueue", item):
                return outcome((*state, item), None, result)
            case ("dequeue",):
                return outcome(state[1:], state[0] if state else None, result)
            case ("peek",):
                return outcome(state, state[0] if state else None, result)
            case ("size",):
                return outcome(state, len(state), result)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class Permits:
    """The state of a semaphore."""

    held: frozenset[int] = frozenset()
    """By token."""
    last: int = 0
    """The highest token that a caller has seen."""
    ghosts: int = 0
    """Permits that may be held for a caller that never learned of it; each may end at any time."""


@dataclass(frozen=True, slots=True)
class SemaphoreModel(Model[Permits]):
    """Permits with fencing tokens, which grow from grant to grant.

    `acquire()` returns its token; `try_acquire()` returns one too, or None where no permit is free; `release(token)`
    returns whether it was held. The end of a lease is an operation of its own, `expire(token)`: add one of unknown
    outcome for each grant, invoked at the earliest time at which its lease may end.
    """

    permits: int

    def initial(self) -> Permits:
        return Permits()

    def step(self, state: Permits, call: Call, result: object) -> tuple[Permits, ...]:
        return tuple(
            after
            for ghosts in range(state.ghosts + 1)
            for after in self._step(Permits(state.held, state.last, ghosts), call, result)
        )

    def _step(self, state: Permits, call: Call, result: object) -> tuple[Permits, ...]:
        held, last, ghosts = state.held, state.last, state.ghosts
        free = len(held) + ghosts < self.permits
        match call:
            case ("acquire",) | ("try_acquire",) if result is UNKNOWN:
                return (Permits(held, last, ghosts + 1), state) if free else (state,)
            case ("try_acquire",) if result is None:
                return () if free else (state,)
            case ("acquire",) | ("try_acquire",):
                token = result if isinstance(result, int) else 0
                return (Permits(held | {token}, token, ghosts),) if free and token > last else ()
            case ("release", int(token)):
                return outcome(Permits(held - {token}, last, ghosts), token in held, result)
            case ("expire", int(token)):
                return (Permits(held - {token}, last, ghosts),)
            case _:
                _unknown(call, self)


@dataclass(frozen=True, slots=True)
class LockModel(SemaphoreModel):
    """A lock: a semaphore with one permit."""

    permits: int = 1
