"""Differing types for one name: what a program cannot read is an error for that program, and lost for no other."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination.client import Client
from casty.coordination.structures.queue_commands import PutBack
from casty.errors import ArgumentError, DecodeError, JournalError
from casty.testing import settle


@dataclass(frozen=True)
class Fussy:
    """A value that this program can write, and cannot read for a while."""

    is_readable: ClassVar[bool] = True
    name: str

    def __post_init__(self) -> None:
        if not Fussy.is_readable:
            raise ValueError(f"{self.name} is of a later version")


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fussy]:
    value = Fussy("x")
    monkeypatch.setattr(Fussy, "is_readable", False)
    yield value
    monkeypatch.setattr(Fussy, "is_readable", True)


@pytest.fixture(params=["in memory", "stored"])
def journal(request: pytest.FixtureRequest) -> Any:
    return None if request.param == "in memory" else InMemoryJournal()


async def test_an_item_of_another_type_stays_in_the_queue(journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        for item, priority in (("a", 0), ("b", 5), ("c", 5)):
            await d.queue[str]("q").enqueue(item, priority=priority)
        for use in (d.queue[int]("q").dequeue(), d.queue[int]("q").dequeue(wait=5.0), d.queue[int]("q").peek()):
            with pytest.raises(ArgumentError, match="the queue 'q' holds str where this program expects int"):
                await use
        assert [await d.queue[str]("q").dequeue() for _ in range(4)] == ["b", "c", "a", None]


async def test_an_item_of_another_type_is_given_back(journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await d.queue[str]("q").enqueue("a")
        for wait in (0.0, 5.0):
            with pytest.raises(ArgumentError, match="the queue 'q' holds str where this program expects int"):
                await d.queue[int]("q").reserve(visibility=3_600.0, wait=wait)
        delivery = await d.queue[str]("q").reserve()
        assert delivery is not None
        assert (delivery.value, delivery.attempt) == ("a", 3)


async def test_an_item_that_no_consumer_can_read_becomes_a_dead_letter() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        await d.queue[str]("q").enqueue("a")
        for _ in range(2):
            with pytest.raises(ArgumentError):
                await d.queue[int]("q", max_deliveries=2).reserve()
        assert await d.queue[int]("q", max_deliveries=2).reserve() is None
        assert [item async for item in d.queue[str]("q").dead_letters()] == ["a"]


async def test_an_item_that_cannot_be_decoded_stays_in_the_queue(unreadable: Fussy, journal: Any) -> None:
    async with ActorSystem() as system:
        queue = system.distributed(journal).queue("q")
        await queue.enqueue(unreadable)
        for use in (queue.dequeue(), queue.reserve()):
            with pytest.raises(DecodeError, match="x is of a later version"):
                await use
        Fussy.is_readable = True
        assert await queue.dequeue() == unreadable


async def test_an_item_whose_return_is_not_confirmed_is_no_argument_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it has happened is not known then."""
    ask = Client.ask

    async def fail_to_put_back(self: Client, entity_id: str, message: Any, timeout: float) -> Any:
        if isinstance(message.command, PutBack):
            raise JournalError("the disk is full")
        return await ask(self, entity_id, message, timeout)

    async with ActorSystem() as system:
        d = system.distributed()
        await d.queue[str]("q").enqueue("a")
        monkeypatch.setattr(Client, "ask", fail_to_put_back)
        with pytest.raises(TimeoutError, match="put back after a failed dequeue of the queue 'q' was not confirmed"):
            await d.queue[int]("q", timeout=0.01).dequeue()


async def test_a_consumer_that_waits_gets_what_one_of_another_type_has_put_back() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        wrong = asyncio.create_task(d.queue[int]("q").dequeue(wait=60.0))
        await settle()
        right = asyncio.create_task(d.queue[str]("q").dequeue(wait=60.0))
        await settle()
        await d.queue[str]("q").enqueue("a")
        assert await right == "a"
        with pytest.raises(ArgumentError):
            await wrong


async def test_a_put_over_a_value_that_cannot_be_read_succeeds_and_says_so(
    unreadable: Fussy, journal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await d.map[str, str]("m").put("k", "text")
        assert await d.map[str, int]("m").put("k", 5) is None
        assert "put of the map 'm' has replaced a value that cannot be returned" in caplog.text
        assert "holds str where this program expects int" in caplog.text
        assert await d.map[str, int]("m").put("k", 6) == 5
        await d.map("m").put("k", unreadable)
        assert await d.map[str, int]("m").put("k", 7) is None
        assert "x is of a later version" in caplog.text
        assert await d.map[str, int]("m").get("k") == 7


async def test_a_read_of_a_value_of_another_type_is_refused_and_changes_nothing(journal: Any) -> None:
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await d.map[str, str]("m").put("k", "text")
        await d.register[str]("r").set("text")
        await d.set[str]("s").add("text")
        reads = (
            d.map[str, int]("m").get("k"),
            anext(d.map[str, int]("m").items()),
            anext(d.map[int, str]("m").items()),
            anext(d.map[str, int]("m").watch("k")),
            d.register[int]("r").get(),
            anext(d.set[int]("s").members()),
        )
        for read in reads:
            with pytest.raises(ArgumentError, match="holds str where this program expects int"):
                await read
        assert await d.map[str, str]("m").get("k") == "text"
        assert await d.register[str]("r").get() == "text"
        assert [member async for member in d.set[str]("s").members()] == ["text"]


async def test_a_write_beside_values_of_another_type_succeeds() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        await d.map[str, str]("m").put("k", "text")
        await d.register[str]("r").set("text")
        await d.set[str]("s").add("1")
        assert await d.map[str, int]("m").compare_and_set("k", 1, 2) is False
        assert await d.map[str, int]("m").put_if_absent("k", 2) is False
        assert await d.register[int]("r").compare_and_set(1, 2) is False
        await d.register[int]("r").set(1)
        assert await d.register[int]("r").get() == 1
        assert [await d.set[int]("s").add(1), await d.set[int]("s").size()] == [True, 2]
        assert await d.set[int]("s").remove(1) is True
