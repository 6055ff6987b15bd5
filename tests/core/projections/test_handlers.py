"""Handlers that cannot be one are refused, and those that will not end, or are cancelled, stop nothing else."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, override

import pytest
from casty import ConfigError, Projection, ProjectionError
from casty.behaviors.supervision import Backoff
from casty.journal import StoreJournal
from casty.projections import projection
from casty.testing import ManualClock, settle

from tests.core.projections.fakes import Database, Envelope, deposit, empty, insert

STEADY = Backoff(initial=1.0, maximum=4.0, jitter=0)


def forgot(connection: object, envelope: object) -> None:
    """No async."""


class Counter:
    def __init__(self) -> None:
        self.amounts = list[int]()

    async def __call__(self, _rows: object, envelope: Envelope) -> None:
        self.amounts.append(envelope.event.amount)

    async def method(self, _rows: object, envelope: Envelope) -> None:
        await self(_rows, envelope)


async def one(connection: object) -> None: ...


@pytest.mark.parametrize("handler", [forgot, partial(forgot, 1), one, None, Counter, lambda: None])
def test_a_handler_that_cannot_be_one_is_refused(journal: StoreJournal, handler: Any) -> None:
    with pytest.raises(ConfigError, match="'async def handler\\(connection, envelope\\)'"):
        Projection("sums", journal, handler)


def test_a_refused_handler_is_named(journal: StoreJournal) -> None:
    handler: Any = forgot
    with pytest.raises(ConfigError, match=r"it is forgot \(.*test_handlers.py, line \d+\)"):
        Projection("sums", journal, handler)


def test_a_reset_that_cannot_be_one_is_refused(journal: StoreJournal) -> None:
    with pytest.raises(ConfigError, match="'async def reset\\(connection\\)'"):
        Projection("sums", journal, insert, reset=insert)  # pyright: ignore[reportArgumentType]  # the mistake


async def test_methods_objects_and_partials_handle_events(journal: StoreJournal) -> None:
    await deposit(journal, "a", 1)
    counter = Counter()

    async def three(_more: object, rows: object, envelope: Envelope) -> None:
        await counter(rows, envelope)

    def passes_on(rows: object, envelope: Envelope) -> Awaitable[None]:
        return counter(rows, envelope)

    handlers: list[Any] = [counter, counter.method, partial(three, 0), passes_on]
    for handler in handlers:
        assert await Projection("sums", journal, handler).run_once() == 1
    assert counter.amounts == [1, 1, 1, 1]


async def test_a_handler_that_returns_no_awaitable_stops_the_projection_and_commits_nothing(
    journal: StoreJournal, target: Database
) -> None:
    await deposit(journal, "a", 1, 2)

    def lies(rows: list[int], envelope: Envelope) -> Awaitable[None] | None:
        rows.append(envelope.event.amount)

    handler: Any = lies
    with pytest.raises(ProjectionError, match=r"its handler .*lies \(.* returned None .*'async def'"):
        async with Projection("sums", journal, handler, target) as running:
            await running.caught_up()
    assert target.rows == []


STRANGE = [asyncio.CancelledError(), BaseException(), BaseExceptionGroup("", [BaseException()])]


@pytest.mark.parametrize("strange", STRANGE)
async def test_a_strange_failure_of_a_handler_is_tried_again(
    journal: StoreJournal,
    target: Database,
    manual_time: ManualClock,
    caplog: pytest.LogCaptureFixture,
    strange: BaseException,
) -> None:
    await deposit(journal, "a", 1, 2)
    failures = [strange]

    async def handler(rows: list[int], envelope: Envelope) -> None:
        if envelope.event.amount == 2 and failures:
            raise failures.pop()
        await insert(rows, envelope)

    async with Projection("sums", journal, handler, target, clock=manual_time, backoff=STEADY) as running:
        await settle()
        assert "it tries again in 1.0 s" in caplog.text
        await manual_time.advance(1.0)
        await running.caught_up()
    assert target.rows == [1, 2]


async def test_a_strange_failure_of_an_offset_store_is_waited_out(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1)
    failures: list[BaseException] = [asyncio.CancelledError(), BaseException("gone")]

    class Strange(Database):
        @override
        async def offset(self, name: str) -> int:
            if failures:
                raise failures.pop()
            return await super().offset(name)

    store = Strange(target.rows, target.offsets)
    async with Projection("sums", journal, insert, store, reset=empty, clock=manual_time, backoff=STEADY) as running:
        await manual_time.advance(1.0)
        await manual_time.advance(2.0)
        await running.caught_up()
    assert target.rows == [1]


@pytest.mark.parametrize("then", ["swallow", "another error"])
async def test_a_handler_that_swallows_its_cancellation_ends_with_the_event(
    journal: StoreJournal, target: Database, then: str
) -> None:
    await deposit(journal, "a", 1, 2, 3)
    reached = asyncio.Event()

    async def handler(rows: list[int], envelope: Envelope) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if then == "another error":
                raise ValueError from None
        await insert(rows, envelope)

    async with Projection("sums", journal, handler, target, batch_size=1):
        await reached.wait()
    assert target.rows == ([1] if then == "swallow" else [])


async def test_a_handler_that_does_not_end_is_left_behind_and_named(
    journal: StoreJournal,
    target: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(projection, "PATIENCE", 0.01)
    await deposit(journal, "a", 1)
    reached, release = asyncio.Event(), asyncio.Event()

    async def stubborn(_rows: list[int], _envelope: Envelope) -> None:
        reached.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with Projection("sums", journal, stubborn, target) as running:
        await reached.wait()
        task = running._task
    assert "stubborn (" in caplog.text
    release.set()
    assert task is not None
    await asyncio.wait((task,))
