"""The replaced source provides all random numbers of the systems created in its context."""

from contextvars import copy_context
from random import Random
from typing import override

import pytest
from casty import ActorSystem
from casty.entropy import SOURCE, Entropy, source


class Fixed(Entropy):
    """Nothing is left to chance."""

    @override
    def token(self, size: int, /) -> bytes:
        return bytes(range(1, size + 1))

    @override
    def random(self) -> Random:
        return Random(5)

    @override
    def wall_time(self) -> float:
        return 1.5

    @override
    def stopwatch(self) -> float:
        return 0.0


def test_a_machine_never_says_the_same_twice() -> None:
    machine = source()
    assert len(machine.token(16)) == 16
    assert machine.token(16) != machine.token(16)
    assert machine.random().random() != machine.random().random()
    assert machine.wall_time() > 1.7e9
    assert machine.stopwatch() <= machine.stopwatch()


async def test_a_system_takes_its_chance_from_the_source_of_its_context() -> None:
    SOURCE.set(Fixed())
    async with ActorSystem() as system:
        assert system.kernel.random.random() == Random(5).random()
        assert next(system.kernel.uids) == (0x010203040506 << 14 | 1) + 2


def test_a_source_is_that_of_its_context() -> None:
    context = copy_context()
    fixed = Fixed()
    context.run(SOURCE.set, fixed)
    assert context.run(source) is fixed
    assert source() is not fixed


@pytest.mark.parametrize("systems", [2])
async def test_two_systems_of_one_machine_differ(systems: int) -> None:
    firsts: set[int] = set()
    for _ in range(systems):
        async with ActorSystem() as system:
            firsts.add(next(system.kernel.uids))
    assert len(firsts) == systems
