"""The short form of `python -m tests.soak.churn`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.soak.churn import locally, over_three_nodes, soak

SECONDS = 6.0


@pytest.mark.parametrize("scenario", [locally, over_three_nodes])
async def test_nothing_grows_where_actors_and_nodes_come_and_go(
    scenario: Callable[[Callable[[], bool]], AsyncGenerator[None]],
) -> None:
    assert await soak(scenario, SECONDS) == {}


async def test_a_leak_is_seen() -> None:
    class Leaked:
        """One of many."""

    kept = list[Any]()

    async def leaking(over: Callable[[], bool]) -> AsyncGenerator[None]:
        while not over():
            kept.extend(Leaked() for _ in range(100))
            await asyncio.sleep(0.05)
            yield

    [(kind, count)] = (await soak(leaking, SECONDS)).items()
    assert kind.endswith("Leaked")
    assert count >= 100
