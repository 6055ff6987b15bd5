"""The checker agrees with trying all orders, says what did not fit, and stops in time."""

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from casty.testing.linearizability import (
    UNKNOWN,
    CounterModel,
    LockModel,
    MapKeyModel,
    Model,
    NotLinearizableError,
    Operation,
    QueueModel,
    RegisterModel,
    SemaphoreModel,
    SetModel,
    UndecidedError,
    check_linearizable,
    find_violation,
)

from tests.core.testing.linearizability.histories import lost, op, possible, random_history

type Calls = Sequence[tuple[tuple[object, ...], Sequence[object]]]

COUNTER: Calls = [
    (("increment", 1), (1, 2, 3)),
    (("decrement", 1), (0, 1)),
    (("get",), (0, 1, 2)),
    (("get_and_reset",), (0, 1, 2)),
]
REGISTER: Calls = [
    (("set", 1), (None,)),
    (("set", 2), (None,)),
    (("get",), (None, 1, 2)),
    (("compare_and_set", 1, 2), (True, False)),
]
MAP: Calls = [
    (("put", "k", 1), (None, 1, 2)),
    (("put", "k", 2), (None, 1)),
    (("get", "k"), (None, 1, 2)),
    (("contains", "k"), (True, False)),
    (("delete", "k"), (True, False)),
    (("put_if_absent", "k", 1), (True, False)),
    (("compare_and_set", "k", 1, 2), (True, False)),
]
SET: Calls = [
    (("add", 1), (True, False)),
    (("add", 2), (True, False)),
    (("remove", 1), (True, False)),
    (("contains", 1), (True, False)),
    (("size",), (0, 1, 2)),
]
QUEUE: Calls = [
    (("enqueue", 1), (None,)),
    (("enqueue", 2), (None,)),
    (("dequeue",), (None, 1, 2)),
    (("peek",), (None, 1)),
    (("size",), (0, 1)),
]
LOCK: Calls = [
    (("acquire",), (1, 2, 3)),
    (("try_acquire",), (None, 1, 2)),
    (("release", 1), (True, False)),
    (("release", 2), (True, False)),
    (("expire", 1), (UNKNOWN,)),
]
KINDS: dict[str, tuple[Model[Any], Calls]] = {
    "counter": (CounterModel(), COUNTER),
    "register": (RegisterModel(), REGISTER),
    "map": (MapKeyModel(), MAP),
    "set": (SetModel(), SET),
    "queue": (QueueModel(), QUEUE),
    "lock": (LockModel(), LOCK),
    "semaphore": (SemaphoreModel(2), LOCK),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_trying_every_order(kind: str) -> None:
    model, calls = KINDS[kind]
    chance = random.Random(kind)
    verdicts = {True: 0, False: 0}
    for _ in range(150):
        history = random_history(chance, calls)
        expected = possible(history, model)
        assert (find_violation(history, model) is None) == expected, "\n".join(map(str, history))
        verdicts[expected] += 1
    assert min(verdicts.values()) > 10, verdicts


LINEARIZABLE: dict[str, tuple[Model[Any], list[Operation]]] = {
    "a read during a write sees either value": (
        RegisterModel(0),
        [op(0, 10, ("set", 1)), op(1, 2, ("get",), 0), op(3, 4, ("get",), 1)],
    ),
    "a write of unknown outcome has happened": (
        RegisterModel(0),
        [lost(0, "set", 1), op(1, 2, ("get",), 0), op(3, 4, ("get",), 1)],
    ),
    "a write of unknown outcome has not happened": (RegisterModel(0), [lost(0, "set", 1), op(9, 10, ("get",), 0)]),
    "two increments at once": (
        CounterModel(),
        [op(0, 5, ("increment", 1), 2), op(0, 5, ("increment", 1), 1), op(6, 7, ("get",), 2)],
    ),
    "two items enqueued at once are dequeued in any order": (
        QueueModel(),
        [
            op(0, 5, ("enqueue", "a")),
            op(0, 5, ("enqueue", "b")),
            op(6, 7, ("dequeue",), "b"),
            op(8, 9, ("dequeue",), "a"),
        ],
    ),
    "a lock is granted again once its lease has ended": (
        LockModel(),
        [
            op(0, 1, ("acquire",), 1),
            lost(16, "expire", 1),
            op(2, 20, ("acquire",), 2),
            op(21, 22, ("release", 1), False),
        ],
    ),
    "a lock is refused for a grant that no caller has seen": (
        LockModel(),
        [lost(0, "acquire"), op(1, 2, ("try_acquire",), None), op(3, 4, ("try_acquire",), 2)],
    ),
    "a call that returns when another one starts is concurrent with it": (
        RegisterModel(0),
        [op(0, 5, ("set", 1)), op(5, 6, ("get",), 0)],
    ),
    "nothing happened": (RegisterModel(0), []),
}
IMPOSSIBLE: dict[str, tuple[Model[Any], list[Operation]]] = {
    "a stale read": (RegisterModel(0), [op(0, 1, ("set", 1)), op(2, 3, ("get",), 0)]),
    "a value that goes back": (
        RegisterModel(0),
        [op(0, 10, ("set", 1)), op(1, 2, ("get",), 1), op(3, 4, ("get",), 0)],
    ),
    "an unknown write that happens twice": (
        RegisterModel(0),
        [lost(0, "set", 1), op(1, 2, ("get",), 1), op(3, 4, ("set", 2)), op(5, 6, ("get",), 1)],
    ),
    "an unknown write before its call": (RegisterModel(0), [op(0, 1, ("get",), 1), lost(2, "set", 1)]),
    "a lost increment": (
        CounterModel(),
        [op(0, 5, ("increment", 1), 1), op(0, 5, ("increment", 1), 1)],
    ),
    "an item that is dequeued twice": (
        QueueModel(),
        [op(0, 1, ("enqueue", "a")), op(2, 3, ("dequeue",), "a"), op(2, 3, ("dequeue",), "a")],
    ),
    "two holders of a lock": (LockModel(), [op(0, 1, ("acquire",), 1), op(2, 3, ("acquire",), 2)]),
    "a token that comes again": (
        LockModel(),
        [op(0, 1, ("acquire",), 5), op(2, 3, ("release", 5), True), op(4, 5, ("acquire",), 5)],
    ),
    "a lease that ends too early": (
        LockModel(),
        [op(0, 1, ("acquire",), 1), op(2, 3, ("acquire",), 2), lost(16, "expire", 1)],
    ),
    "one permit too many": (
        SemaphoreModel(2),
        [op(0, 1, ("acquire",), 1), op(0, 1, ("acquire",), 2), op(2, 3, ("acquire",), 3)],
    ),
    "a free lock that is refused": (LockModel(), [op(0, 1, ("try_acquire",), None)]),
    "a member that is added twice": (SetModel(), [op(0, 1, ("add", 1), True), op(2, 3, ("add", 1), True)]),
    "True where a number is": (CounterModel(), [op(0, 1, ("increment", 1), True)]),
}


@pytest.mark.parametrize("name", LINEARIZABLE)
def test_what_is_possible_passes(name: str) -> None:
    model, history = LINEARIZABLE[name]
    check_linearizable(history, model)


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_impossible_is_found(name: str) -> None:
    model, history = IMPOSSIBLE[name]
    with pytest.raises(NotLinearizableError):
        check_linearizable(history, model)


def test_a_violation_says_what_was_explained_and_what_did_not_fit() -> None:
    violation = find_violation(
        [op(0, 1, ("set", 1)), op(2, 3, ("set", 2)), op(4, 5, ("get",), 1), op(6, 7, ("get",), 2)], RegisterModel()
    )
    assert violation is not None
    assert [operation.call for operation in violation.explained] == [("set", 1), ("set", 2)]
    assert [operation.call for operation in violation.blocked] == [("get",)]
    assert re.search(r"the state is 2, and none of these can follow:\n  p: get\(\) -> 1  \[4, 5\]", str(violation))


def test_parts_are_checked_alone() -> None:
    history = [op(0, 1, ("put", "a", 1)), op(2, 3, ("put", "b", 1)), op(4, 5, ("get", "a"), 1)]
    check_linearizable(history, MapKeyModel(), partition=lambda call: call[1])
    with pytest.raises(NotLinearizableError):
        check_linearizable(history, MapKeyModel())  # one key for all: "b" would return the value of "a"


def test_a_long_history_is_checked_in_linear_memory() -> None:
    """What is concurrent counts, not the length: each configuration is remembered."""
    history = [op(time, time + 3, ("increment", 1), time + 1) for time in range(2_000)]
    assert find_violation(history, CounterModel(), max_configurations=20_000) is None


def test_a_configuration_is_tried_once() -> None:
    """Without the memory of what was tried, these seven writes would be made in all of their 5,040 orders."""

    class Counting(RegisterModel):
        steps = 0

        def step(self, state: Any, call: tuple[object, ...], result: object) -> tuple[Any, ...]:
            type(self).steps += 1
            return super().step(state, call, result)

    history = [op(0, 100, ("set", value)) for value in range(7)] + [op(200, 201, ("get",), 99)]
    assert find_violation(history, Counting()) is not None
    assert Counting.steps < 7 * 7 * 2**7


def test_too_many_configurations_are_undecided() -> None:
    history = [op(0, 100, ("set", value)) for value in range(14)] + [op(200, 201, ("get",), 99)]
    with pytest.raises(UndecidedError, match=r"1,000 configurations were tried for 15 operations"):
        find_violation(history, RegisterModel(), max_configurations=1_000)


def test_an_operation_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="returned before it was called"):
        find_violation([op(2, 1, ("get",))], RegisterModel())


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_refuses_a_call_that_it_does_not_know(kind: str) -> None:
    model, _ = KINDS[kind]
    with pytest.raises(ValueError, match=r"has no operation \('explode',\)"):
        find_violation([op(0, 1, ("explode",))], model)
