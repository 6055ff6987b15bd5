"""Histories of running code: a register that is broken in one of many ways is found by what its callers see."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from casty.testing.linearizability import (
    UNKNOWN,
    History,
    NotLinearizableError,
    Operation,
    RegisterModel,
    check_linearizable,
)


class Register:
    """Two copies of a value, the second of which is written a little later; reads take the first one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._copies = [0, 0]

    async def pause(self) -> None:
        for _ in range(self._random.randint(0, 3)):
            await asyncio.sleep(0)

    async def set(self, value: int) -> None:
        await self.pause()
        self._copies[0] = value
        await self.pause()
        self._copies[1] = value

    async def get(self) -> int:
        await self.pause()
        return self._copies[0]

    async def compare_and_set(self, expected: int, value: int) -> bool:
        await self.pause()
        if self._copies[0] != expected:
            return False
        self._copies = [value, value]
        return True


class ReadsAnyCopy(Register):
    async def get(self) -> int:
        await self.pause()
        return self._copies[self._random.randint(0, 1)]


class ConfirmsTooEarly(Register):
    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.late: set[asyncio.Task[None]] = set()

    async def set(self, value: int) -> None:
        self.late.add(asyncio.create_task(super().set(value)))


class ComparesBeforeAPause(Register):
    async def compare_and_set(self, expected: int, value: int) -> bool:
        if self._copies[0] != expected:
            return False
        await self.pause()
        self._copies = [value, value]
        return True


class LosesWrites(Register):
    async def set(self, value: int) -> None:
        await self.pause()
        if self._random.random() < 0.9:
            self._copies = [value, value]


async def observed(make: Callable[[Random], Register], seed: int) -> History:
    """Three callers of one register, each with six operations."""
    random = Random(seed)
    register, history = make(random), History()

    async def caller(name: str) -> None:
        for number in range(6):
            value, expected = random.randint(1, 5), random.randint(0, 5)
            calls: list[tuple[tuple[object, ...], Callable[[], Awaitable[object]]]] = [
                (("get",), register.get),
                (("set", value), lambda value=value: register.set(value)),
                (
                    ("compare_and_set", expected, value),
                    lambda expected=expected, value=value: register.compare_and_set(expected, value),
                ),
            ]
            call, start = calls[random.randint(0, 2)]
            await history.record(f"{name}{number}", call, start())

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(caller(name))
    if isinstance(register, ConfirmsTooEarly):
        await asyncio.gather(*register.late)
    return history


async def test_a_correct_register_passes() -> None:
    for seed in range(40):
        history = await observed(Register, seed)
        assert len(history.operations) == 18
        check_linearizable(history.operations, RegisterModel(0))


@pytest.mark.parametrize("make", [ReadsAnyCopy, ConfirmsTooEarly, ComparesBeforeAPause, LosesWrites])
async def test_a_broken_register_is_found(make: Callable[[Random], Register]) -> None:
    found = 0
    for seed in range(40):
        history = await observed(make, seed)
        try:
            check_linearizable(history.operations, RegisterModel(0))
        except NotLinearizableError:
            found += 1
    assert found


async def test_an_exception_leaves_the_outcome_unknown() -> None:
    async def fail() -> None:
        raise TimeoutError

    history = History()
    with pytest.raises(TimeoutError):
        await history.record("a", ("set", 1), fail())
    (operation,) = history.operations
    assert (operation.call, operation.result, operation.returned) == (("set", 1), UNKNOWN, float("inf"))


async def test_a_cancellation_leaves_the_outcome_unknown() -> None:
    history = History()
    task = asyncio.create_task(history.record("a", ("set", 1), asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [operation.result for operation in history.operations] == [UNKNOWN]


async def test_an_operation_that_has_not_ended_is_there_already() -> None:
    """A process that is killed records nothing more."""
    history = History()
    task = asyncio.create_task(history.record("a", ("set", 1), asyncio.sleep(0, result=None)))
    await asyncio.sleep(0)
    assert [(operation.call, operation.result) for operation in history.operations] == [(("set", 1), UNKNOWN)]
    await task
    assert [(operation.call, operation.result) for operation in history.operations] == [(("set", 1), None)]


async def test_a_refused_operation_is_not_recorded() -> None:
    async def refuse() -> None:
        raise LookupError

    history = History()
    with pytest.raises(LookupError):
        await history.record("a", ("set", 1), refuse(), refused=(LookupError,))
    assert history.operations == ()


async def test_times_are_those_of_the_clock_that_callers_share() -> None:
    times = iter([3.5, 4.5])
    history = History(lambda: next(times))
    await history.record("a", ("get",), asyncio.sleep(0, result=7))
    (operation,) = history.operations
    assert (operation.invoked, operation.returned, operation.result) == (3.5, 4.5, 7)
    assert str(operation) == "a: get() -> 7  [3.5, 4.5]"


def test_times_differ_also_on_a_machine_that_runs_for_weeks() -> None:
    operation = Operation(process="a", call=("get",), invoked=1_936_782.812, returned=1_936_782.817, result=1)
    assert str(operation) == "a: get() -> 1  [1936782.812, 1936782.817]"
