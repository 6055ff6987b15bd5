"""How checks fail: by an `AssertionError` with a sentence, whatever the backend does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Never, override

import pytest
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.spi.journal import EventRecord, JournalCapabilities
from casty.testing.conformance import checks as kit
from casty.testing.conformance.checks import RoomChecks, held_to
from casty.testing.conformance.journal import checks

FAILURES: dict[str, Callable[[], object]] = {
    "KeyError": lambda: dict[str, int]()["missing"],
    "IndexError": lambda: list[int]()[0],
    "StopIteration": lambda: next(iter(list[int]())),
    "TimeoutError": lambda: _raise(TimeoutError()),
    "CancelledError": lambda: _raise(asyncio.CancelledError()),
    "ExceptionGroup": lambda: _raise(ExceptionGroup("some", [ValueError()])),
}


def _raise(error: BaseException) -> Never:
    raise error


type Backend = Callable[[], object]


def plain_check(backend: Backend) -> None:
    backend()


async def async_check(backend: Backend) -> None:
    await asyncio.sleep(0)
    backend()


@pytest.mark.parametrize("name", FAILURES)
async def test_whatever_a_backend_raises_is_an_assertion_with_a_sentence(name: str) -> None:
    plain = RoomChecks[None, Callable[[Backend], None]]()(plain_check)
    awaited = RoomChecks[None, Callable[[Backend], Awaitable[None]]]()(async_check)
    with pytest.raises(AssertionError, match=f"plain check: .*({name}|StopIteration)"):
        plain(FAILURES[name])
    with pytest.raises(AssertionError, match=f"async check: .*({name}|StopIteration)"):
        await awaited(FAILURES[name])


async def test_a_backend_that_never_ends_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def it_ends(backend: Callable[[], Awaitable[object]]) -> None:
        await backend()

    monkeypatch.setattr(kit, "PATIENCE", 0.01)
    check = RoomChecks[None, Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]]()(it_ends)
    with pytest.raises(AssertionError, match=r"it ends: the check did not end within 0.01 s"):
        await check(asyncio.Event().wait)


async def test_a_cancelled_check_is_cancelled() -> None:
    check = RoomChecks[None, Callable[[asyncio.Event], Awaitable[None]]]()(wait_for)
    task = asyncio.ensure_future(check(asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def wait_for(event: asyncio.Event) -> None:
    await event.wait()


def test_an_assertion_without_a_text_gets_one() -> None:
    check = RoomChecks[None, Callable[[Backend], None]]()(plain_check)
    with pytest.raises(AssertionError, match="plain check: an assertion without a text failed"):
        check(lambda: _raise(AssertionError()))


def test_a_check_is_held_to_what_is_promised() -> None:
    told: list[tuple[str, int]] = []

    def a_check(given: str, promised: int) -> None:
        told.append((given, promised))

    held = held_to(7, a_check)
    held("x")
    assert (held.__name__, told) == ("a_check", [("x", 7)])


class Broken(MemoryStore):
    """A store with a mistake in its own code."""

    @override
    async def replay(self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int) -> list[EventRecord]:
        return [self._events[entity_id][to_sequence_nr]]


async def test_every_check_of_a_broken_store_passes_or_fails_by_a_sentence() -> None:
    said: list[str] = []
    for check in checks(CAPABILITIES):
        try:
            await check(lambda: nullcontext(Broken()))
        except AssertionError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(" " in sentence for sentence in said)


DECLARED: dict[str, JournalCapabilities] = {
    "durable": replace(CAPABILITIES, durable=True),
    "ordered": replace(CAPABILITIES, ordered=False),
    "concurrent_appends": replace(CAPABILITIES, concurrent_appends=4),
}


@pytest.mark.parametrize("field", DECLARED)
async def test_a_provider_that_declares_something_else_than_its_store_is_caught(field: str) -> None:
    by_name = {check.__name__: check for check in checks(DECLARED[field])}
    with pytest.raises(AssertionError, match=f"the capability '{field}' of the open store, as its provider declares"):
        await by_name["the_store_says_what_its_provider_declares"](lambda: nullcontext(MemoryStore()))
