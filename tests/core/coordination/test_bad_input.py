"""Bad input of `system.distributed()`: refused where it is given, and nothing has happened."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal, ReplicationConfig
from casty.coordination import IN_MEMORY, PERSISTENT, values
from casty.coordination.client import Client
from casty.coordination.operations import Operation, OperationId
from casty.distributed import Distributed
from casty.errors import ActorFailedError, ActorStoppedError, ArgumentError, EncodeError
from casty.testing import settle


@dataclass(frozen=True)
class User:
    name: str
    email: str


@dataclass(frozen=True)
class Tagged:
    tags: frozenset[str]


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda d: d.counter("").get(), "the name of the counter is a text that is not empty"),
    (lambda d: d.counter("a\0b").get(), "holds no NUL"),
    (lambda d: d.counter("x" * 10_000).get(), "has at most 500 bytes, and 'xxx.* has 10,000"),
    (lambda d: d.counter(7).get(), "the name of the counter is a text"),
    (lambda d: d.counter("c", shards=0).get(), "shards of 'c' is a whole number"),
    (lambda d: d.counter("c", timeout=0).get(), "timeout of the counter 'c' is a number of seconds"),
    (lambda d: d.counter("c").increment(1.5), "n of increment is a whole number, not 1.5"),
    (lambda d: d.counter("c").increment(True), "n of increment is a whole number, not True"),
    (lambda d: d.map[str, int]("m").put("k", "v"), "the map 'm' holds int, and not 'v'"),
    (lambda d: d.map[str, int]("m").put(5, 5), r"the map 'm' \(keys\) holds str, and not 5"),
    (lambda d: d.map("m").put([], 5), r"the map 'm' \(keys\) finds values by their hash"),
    (lambda d: d.map("m").put("k", 1, ttl=0), "ttl of a key of the map 'm' is a number of seconds"),
    (lambda d: d.map("m").put("k", 1, ttl=float("inf")), "ttl of a key of the map 'm' is a number of seconds"),
    (lambda d: d.map("m").put("k", 1, ttl=float("nan")), "ttl of a key of the map 'm' is a number of seconds"),
    (lambda d: d.map[str]("m"), "a map is of two types"),
    (lambda d: d.set("s").add({"a"}), "the set 's' finds values by their hash"),
    (lambda d: d.set("s").add(frozenset("a")), "those of a set have no fixed order"),
    (lambda d: d.set("s").add(("a", Tagged(frozenset("a")))), "those of a set have no fixed order"),
    (lambda d: d.queue("q").enqueue(None), "cannot hold None"),
    (lambda d: d.register("r").set(None), "the register 'r' cannot hold None, which stands for no value"),
    (lambda d: d.register("r").compare_and_set(1, None), "the register 'r' cannot hold None"),
    (lambda d: d.register[int | None]("r").compare_and_set(None, None), "the register 'r' cannot hold None"),
    (lambda d: d.register[int]("r").set("v"), "the register 'r' holds int, and not 'v'"),
    (lambda d: d.election("e", shards=0), "shards of 'e' is a whole number"),
    (lambda d: d.queue("q").enqueue(1, priority=0.5), "priority of an item of the queue 'q' is a whole number"),
    (lambda d: d.queue("q").enqueue(1, delay=float("inf")), "delay of an item of the queue 'q'"),
    (lambda d: d.queue("q").reserve(visibility=0), "visibility of the queue 'q'"),
    (lambda d: d.queue("q", max_deliveries=0), "max_deliveries of the queue 'q'"),
    (lambda d: d.lock("l", ttl=0), "ttl of the lock 'l'"),
    (lambda d: d.lock("l", ttl=float("inf")), "ttl of the lock 'l'"),
    (lambda d: d.semaphore("s", 0), "permits of the semaphore 's'"),
    (lambda d: d.barrier("b").arrive(0), "expected of arrive at the barrier 'b'"),
    (
        lambda d: d.barrier("b").arrive(10_001),
        "is 10,001, and at most 10,000 parties can wait; let the parties of each",
    ),
    (lambda d: d.barrier("b", node_id=""), "node_id of the barrier 'b'"),
]


@pytest.mark.parametrize(("use", "error"), REFUSED)
async def test_bad_input_is_refused_where_it_is_given(use: Callable[[Any], Any], error: str) -> None:
    async with ActorSystem() as system:
        with pytest.raises(ArgumentError, match=error):
            await use(system.distributed())


async def test_one_name_has_one_number_of_permits() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        await d.semaphore("pool", 5).acquire()
        with pytest.raises(ArgumentError, match=r"acquire of the semaphore 'pool' was refused: it has 5 permits"):
            await d.semaphore("pool", 3).acquire()


USES_OF_MAPS: dict[str, Callable[[Any], Any]] = {
    "put": lambda table: table.put("x", 1),
    "put_if_absent": lambda table: table.put_if_absent("x", 1),
    "compare_and_set": lambda table: table.compare_and_set("x", 1, 2),
    "get": lambda table: table.get("x"),
    "contains": lambda table: table.contains("x"),
    "delete": lambda table: table.delete("x"),
    "items": lambda table: anext(table.items()),
    "watch": lambda table: anext(table.watch("x")),
    "destroy": lambda table: table.destroy(),
}


@pytest.mark.parametrize("journal", [None, "memory://"])
@pytest.mark.parametrize("use", USES_OF_MAPS)
async def test_one_map_has_one_number_of_shards(use: str, journal: str | None) -> None:
    """Whatever the keys: none of them is in a shard that this operation uses."""
    async with ActorSystem() as system:
        d = system.distributed(journal)
        await d.map("m", shards=100).put("a", 1)
        for shards in (1, 3, 10, 99, 101):
            with pytest.raises(
                ArgumentError, match=f"it is divided into shards=100, and was used with shards={shards};"
            ):
                await USES_OF_MAPS[use](d.map("m", shards=shards))
        assert [item async for item in d.map("m").items()] == [("a", 1)]


async def test_a_map_that_was_only_read_takes_any_number_of_shards() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        reader = d.map("m", shards=3)
        assert await reader.get("a") is None
        assert await reader.delete("a") is False
        await d.map("m", shards=5).put("a", 1)
        with pytest.raises(ArgumentError, match="shards=5, and was used with shards=3"):
            await reader.get("a")
        await d.map("m", shards=5).destroy()
        await d.map("m", shards=3).put("a", 1)
        assert await reader.get("a") == 1


async def test_a_handle_asks_once_for_the_number_of_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    ask = Client.ask

    async def noted(self: Client, entity_id: str, message: Operation, timeout: float) -> Any:
        sent.append(type(message.command).__name__)
        return await ask(self, entity_id, message, timeout)

    monkeypatch.setattr(Client, "ask", noted)
    async with ActorSystem() as system:
        table = system.distributed().map("m")
        await table.put("a", 1)
        for key in "abc":
            await table.put(key, 1)
            await table.get(key)
        assert sent == ["Divide", "Put", *(["Put", "Get"] * 3)]


async def test_a_value_of_another_type_is_refused_when_it_is_read() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        await d.map[str, User]("m").put("k", User("A", "a"))
        with pytest.raises(ArgumentError, match=r"the map 'm' holds User where this program expects int"):
            await d.map[str, int]("m").get("k")


CROWDED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "lock": (lambda d: d.lock("x").acquire(), "2 callers wait for it already; let fewer tasks wait at a time"),
    "barrier": (
        lambda d: d.barrier("x").arrive(5),
        "2 parties wait there already; let the parties of each process meet",
    ),
    "queue": (lambda d: d.queue("x").dequeue(wait=60.0), "2 consumers wait for items already; let fewer wait, or use"),
    "map": (
        lambda d: changed(d),
        "2 callers watch keys of this bucket already; watch once in each process, or divide the map into more shards",
    ),
}


async def changed(d: Distributed) -> Any:
    """The value that follows the one which a watcher sees first."""
    watch = d.map("x").watch("k")
    await anext(watch)
    return await anext(watch)


@pytest.mark.parametrize("kind", CROWDED)
async def test_a_caller_too_many_is_refused_with_what_to_do(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty.coordination.waiters.MAX_WAITERS", 2)
    use, error = CROWDED[kind]
    async with ActorSystem() as system:
        d = system.distributed()
        if kind == "lock":
            await d.lock("x").acquire()
        waiting = [asyncio.create_task(use(d)) for _ in range(2)]
        await settle()
        with pytest.raises(ArgumentError, match=error):
            await use(d)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_two_arrivals_of_one_party_are_refused() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        waiting = asyncio.create_task(d.barrier("b", node_id="n1").arrive(2))
        await settle()
        assert await d.barrier("b").present() == ("n1",)
        with pytest.raises(ArgumentError, match="'n1' has arrived already"):
            await d.barrier("b", node_id="n1").arrive(2)
        with pytest.raises(ArgumentError, match="'n1' expects 2 parties, and not 3"):
            await d.barrier("b", node_id="n2").arrive(3)
        assert await d.barrier("b", node_id="n2").arrive(2) == await waiting == 1


@pytest.mark.parametrize("journal", [None, "memory://"])
async def test_a_value_that_cannot_be_encoded_changes_nothing(journal: str | None) -> None:
    async with ActorSystem() as system:
        queue = system.distributed(journal).queue("q")
        with pytest.raises(EncodeError):
            await queue.enqueue(lambda: None)
        with pytest.raises(EncodeError):
            await queue.enqueue(b"x" * 2_000_000)
        await queue.enqueue(b"x" * 1_000_000)
        assert await queue.size() == 1


TOO_LARGE: list[Callable[[Any, bytes], Any]] = [
    lambda d, value: d.queue("x").enqueue(value),
    lambda d, value: d.register("x").set(value),
    lambda d, value: d.register("x").compare_and_set(None, value),
    lambda d, value: d.register("x").compare_and_set(value[:500_000], value[500_000:]),
    lambda d, value: d.set("x").add(value),
    lambda d, value: d.map("x").put("key", value),
    lambda d, value: d.map("x").put(value, "value"),
    lambda d, value: d.map("x").put(value[:500_000], value[500_000:]),
    lambda d, value: d.map("x").put_if_absent(value[:500_000], value[500_000:]),
    lambda d, value: d.map("x").compare_and_set("key", value[:500_000], value[500_000:]),
]


@pytest.mark.parametrize("use", TOO_LARGE)
async def test_what_is_too_large_for_a_message_is_refused_at_once(use: Callable[[Any, bytes], Any]) -> None:
    """On every node alike, whether or not it hosts the structure."""
    async with ActorSystem() as system:
        d = system.distributed()
        with pytest.raises(EncodeError) as refused:
            await use(d, b"x" * (2**20 - values.ROOM + 1))
        for part in (r"the (queue|register|set|map) 'x'", r"cannot take 1,047,5\d\d bytes", "max_payload=1048576"):
            assert re.search(part, str(refused.value))
        assert "keep large values elsewhere, and references to them here" in str(refused.value)
        await use(d, b"x" * (2**20 - values.ROOM - 50))


async def test_an_event_that_is_too_large_fails_at_once_and_for_this_operation_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A value may fit, and the event that it becomes part of not, as where the journal has other bounds."""
    monkeypatch.setattr(values, "ROOM", 0)
    async with ActorSystem() as system:
        queue = system.distributed(InMemoryJournal()).queue("q")
        await queue.enqueue(b"first")
        with pytest.raises(TimeoutError, match=r"enqueue of the queue 'q' was not confirmed .* attempts failed"):
            await queue.enqueue(b"x" * (2**20 - 16))
        assert await queue.size() == 1


async def test_one_system_keeps_its_structures_in_one_way() -> None:
    copies = ReplicationConfig(replicas=2, min_acks=1)
    async with ActorSystem() as system:
        journal = InMemoryJournal()
        system.distributed(journal)
        system.distributed(journal)
        for other in (InMemoryJournal(), None):
            with pytest.raises(ArgumentError, match=r"replication=None, and not with .* give the same to every call"):
                system.distributed(other, replication=copies)
        assert await system.distributed().counter("c").increment() == 1
    async with ActorSystem() as system:
        system.distributed(replication=copies)
        system.distributed(replication=ReplicationConfig(replicas=2, min_acks=1))
        with pytest.raises(ArgumentError, match=r"replicas=2, min_acks=1, .*and not with .*replicas=2, min_acks=2"):
            system.distributed(replication=ReplicationConfig(replicas=2, min_acks=2))


async def test_what_is_no_replication_is_refused() -> None:
    async with ActorSystem() as system:
        with pytest.raises(ArgumentError, match=r"replication of distributed\(\) is ReplicationConfig\(...\), not 2"):
            system.distributed(replication=2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_local_system_keeps_structures_with_copies_itself() -> None:
    copies = ReplicationConfig(replicas=2, min_acks=1)
    async with InMemoryJournal() as journal:
        for number in (1, 2):
            async with ActorSystem() as system:
                assert await system.distributed(journal, copies).counter("c").increment() == number


@pytest.mark.parametrize("journal", [None, InMemoryJournal()])
async def test_a_structure_of_an_unknown_kind_is_an_error_that_says_so(
    journal: InMemoryJournal | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        system.distributed(journal)
        region: Any = system.lookup(f"/{IN_MEMORY if journal is None else PERSISTENT}")
        operation = Operation(id=OperationId("client", 1), settled=1, command=None)
        with pytest.raises((ActorFailedError, ActorStoppedError)):
            await region.entity("bloom:x").ask(operation)
    assert "this node knows no structure of the kind 'bloom'" in caplog.text
