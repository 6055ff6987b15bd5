"""Jobs of many steps leave turns of the event loop to others."""

import asyncio
from collections.abc import Iterator

import pytest
from casty_cluster.node.backlog import STEPS, Backlog


class Work:
    """Records its steps as they are done."""

    def __init__(self) -> None:
        self.done = list[str]()

    def job(self, name: str, steps: int) -> Iterator[None]:
        for number in range(steps):
            self.done.append(f"{name}{number}")
            yield


def steps(name: str, first: int, end: int) -> list[str]:
    return [f"{name}{number}" for number in range(first, end)]


async def test_a_short_job_is_done_at_once() -> None:
    backlog, work = Backlog(), Work()
    backlog.add(work.job("a", 3))
    assert work.done == steps("a", 0, 3)


async def test_each_turn_does_a_part_of_a_long_job_and_the_next_job_follows() -> None:
    backlog, work = Backlog(), Work()
    backlog.add(work.job("a", 2 * STEPS + 1))
    backlog.add(work.job("b", 1))
    for turn in range(1, 3):
        assert work.done == steps("a", 0, turn * STEPS)
        await asyncio.sleep(0)
    assert work.done == [*steps("a", 0, 2 * STEPS + 1), "b0"]


async def test_many_short_jobs_share_a_turn() -> None:
    backlog, work = Backlog(), Work()
    for number in range(2 * STEPS):
        backlog.add(work.job(f"job {number} step ", 1))
    assert len(work.done) == STEPS
    await asyncio.sleep(0)
    assert work.done == [f"job {number} step 0" for number in range(2 * STEPS)]


async def test_what_a_step_adds_waits_for_the_end_of_its_job() -> None:
    backlog, work = Backlog(), Work()

    def nesting() -> Iterator[None]:
        backlog.add(work.job("inner", 1))
        work.done.append("outer 1")
        yield
        work.done.append("outer 2")
        yield

    backlog.add(nesting())
    assert work.done == ["outer 1", "outer 2", "inner0"]


async def test_what_is_cleared_is_not_done_also_by_a_step_of_its_own() -> None:
    backlog, work = Backlog(), Work()

    def clearing() -> Iterator[None]:
        backlog.clear()
        backlog.add(work.job("b", 1))
        yield
        raise AssertionError("it goes on")

    backlog.add(work.job("a", STEPS + 1))
    backlog.clear()
    await asyncio.sleep(0)
    assert work.done == steps("a", 0, STEPS)
    await asyncio.sleep(0)
    backlog.add(clearing())
    assert work.done == [*steps("a", 0, STEPS), "b0"]


async def test_a_step_that_raises_ends_its_job_and_no_other() -> None:
    backlog, work = Backlog(), Work()

    def failing() -> Iterator[None]:
        raise LookupError
        yield

    with pytest.raises(LookupError):
        backlog.add(failing())
    backlog.add(work.job("a", 1))
    assert work.done == ["a0"]
