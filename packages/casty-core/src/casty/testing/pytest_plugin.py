"""Fixtures for pytest, which discovers them wherever casty-core is installed. Only pytest imports this module.

`manual_time` works anywhere; the others are asynchronous and need pytest-asyncio, in either of its modes.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial, wraps
from typing import Any, Final, NoReturn

import pytest

from casty.runtime.system import ActorSystem
from casty.testing.clock import ManualClock
from casty.testing.probe import TestProbe

try:
    import pytest_asyncio
except ModuleNotFoundError:
    pytest_asyncio = None

GRACE: Final = 1.0
"""Seconds that a thread may take to end."""


def _async_fixture(function: Callable[..., AsyncGenerator[Any]]) -> Callable[..., Any]:
    if pytest_asyncio is not None:
        return pytest_asyncio.fixture(function)

    @wraps(function)
    def unavailable(*_: object, **__: object) -> NoReturn:
        pytest.fail(
            f"the fixture {function.__name__} needs pytest-asyncio; run: pip install pytest-asyncio", pytrace=False
        )

    return pytest.fixture(unavailable)


@pytest.fixture
def manual_time() -> ManualClock:
    """A clock that only the test moves; the `actor_system` of the same test uses it."""
    return ManualClock()


@_async_fixture
async def actor_system(request: pytest.FixtureRequest) -> AsyncGenerator[ActorSystem]:
    """A running actor system, which stops when the test has ended."""
    clock = request.getfixturevalue("manual_time") if "manual_time" in request.fixturenames else None
    async with ActorSystem("test", clock=clock) as system:
        yield system


@pytest.fixture
def probe(actor_system: ActorSystem) -> Callable[..., TestProbe[Any]]:
    """Makes probes in the `actor_system`: `probe()` or `probe("name")`."""
    return partial(TestProbe[Any], actor_system)


@_async_fixture
async def no_leaks() -> AsyncGenerator[None]:
    """Fails the test if asyncio tasks or threads that it started are still running after it, and after fixtures that
    were set up later: `pytestmark = pytest.mark.usefixtures("no_leaks")` puts this one first.
    """
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    yield
    left = [repr(task) for task in asyncio.all_tasks() - tasks - {asyncio.current_task()} if not task.done()]
    for thread in set(threading.enumerate()) - threads:
        thread.join(GRACE)
        if thread.is_alive():
            left.append(repr(thread))
    if left:
        pytest.fail("the test left running:\n" + "\n".join(left), pytrace=False)
