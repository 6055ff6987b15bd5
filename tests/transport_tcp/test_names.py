"""Hosts by name: every address is tried, a look-up that hangs or fails holds up nothing, and a node knows itself."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from casty.address import PeerAddress
from casty.spi.transport import ConnectFailure, Lane
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.racing import race
from casty_transport_tcp.resolving import MAX_LOOKUPS, Resolver

from tests.transport_tcp.strangers import QUICK, opened, until

SECRET, OTHER = b"a cookie of the one cluster", b"a cookie of another cluster"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str] | Callable[[], list[str]]]:
    """What names stand for: IPv4 addresses, or a function that answers them."""
    known: dict[str, list[str] | Callable[[], list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> Any:
        found = known.get(host)
        if found is None:
            return real(host, port, *args, **options)
        addresses = found() if callable(found) else found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


async def test_every_address_of_a_name_is_tried(names: dict[str, Any]) -> None:
    names["shop"] = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]  # nothing listens at the first two
    async with opened() as a, opened() as b:
        assert a.transport.send(PeerAddress("shop", b.address.port), b"hello", Lane.user)
        await b.inbox.until_received(1)


async def test_an_address_that_never_answers_costs_a_head_start_only(names: dict[str, Any]) -> None:
    names["shop"] = ["127.0.0.2", "127.0.0.1"]
    async with opened(options=TcpOptions(connect_timeout=60.0, give_up_after=60.0)) as a, opened() as b:
        with socket.socket() as full:  # it accepts, and says nothing
            full.bind(("127.0.0.2", b.address.port))
            full.listen()
            a.transport.send(PeerAddress("shop", b.address.port), b"hello")
            await b.inbox.until_received(1)


async def test_a_name_is_looked_up_again_for_each_attempt(names: dict[str, Any]) -> None:
    answers = iter([[], ["127.0.0.2"], ["127.0.0.1"]])
    names["shop"] = lambda: next(answers, ["127.0.0.1"])
    async with opened() as a, opened() as b:
        a.transport.send(PeerAddress("shop", b.address.port), b"hello")
        await b.inbox.until_received(1)


async def test_a_look_up_that_hangs_holds_up_nothing_and_is_not_made_twice(names: dict[str, Any]) -> None:
    released, asked = threading.Event(), list[int]()

    def hang() -> list[str]:
        asked.append(1)
        released.wait(60.0)
        return ["127.0.0.1"]

    names["hanging"] = hang
    try:
        async with opened(options=TcpOptions(connect_timeout=0.05, give_up_after=30.0)) as a, opened() as b:
            a.transport.send(PeerAddress("hanging", b.address.port), b"late")
            a.transport.send(b.address, b"soon")
            await b.inbox.until_received(1)
            await a.inbox.until(lambda: len(a.inbox.failures) >= 3, "three attempts")
            assert len(asked) == 1
            released.set()
            await b.inbox.until_received(2)
    finally:
        released.set()


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long"), RuntimeError("anything")])
async def test_a_look_up_that_raises_fails_the_attempt(names: dict[str, Any], error: Exception) -> None:
    def fail() -> list[str]:
        raise error

    names["nowhere"] = fail
    async with opened(options=QUICK) as a:
        peer = PeerAddress("nowhere", 1)
        a.transport.send(peer, b"hello")
        await a.inbox.until(lambda: (peer, ConnectFailure.unreachable) in a.inbox.failures, "the failure")
        await a.inbox.until(lambda: bool(a.inbox.dropped), "the frame to be dropped")


async def test_a_look_up_that_finds_nothing_fails_the_attempt(names: dict[str, Any]) -> None:
    names["nowhere"] = []
    with pytest.raises(OSError, match="the name nowhere has no address"):
        await Resolver().targets("nowhere", 1)


async def test_only_so_many_look_ups_hang_at_a_time(names: dict[str, Any]) -> None:
    released = threading.Event()

    def hang() -> list[str]:
        released.wait(60.0)
        return ["127.0.0.1"]

    resolver = Resolver()
    hanging = [f"host-{number}" for number in range(MAX_LOOKUPS)]
    names.update(dict.fromkeys(hanging, hang))
    tasks = [asyncio.create_task(resolver.targets(name, 1)) for name in hanging]
    try:
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="look-ups of names are hanging, such as that of host-0"):
            await resolver.targets("one-more", 1)
        (literal,) = await resolver.targets("127.0.0.1", 1)
        assert literal.address == ("127.0.0.1", 1)
    finally:
        released.set()
        await asyncio.gather(*tasks)


async def test_a_node_that_dials_itself_by_another_name_learns_it(names: dict[str, Any]) -> None:
    names["myself"] = ["127.0.0.2", "127.0.0.1"]
    async with opened() as a:
        name = PeerAddress("myself", a.address.port)
        a.transport.send(name, b"which node is there?", Lane.control)
        await a.inbox.until(lambda: (name, ConnectFailure.itself) in a.inbox.failures, "to be found")
        assert [peer for peer, _ in a.inbox.dropped] == [name]
        assert not a.inbox.connected


async def test_one_of_several_addresses_that_is_itself_does_not_hide_the_others(names: dict[str, Any]) -> None:
    async with opened() as a, opened(f"tcp://127.0.0.2:{a.address.port}") as b:
        names["service"] = ["127.0.0.1", "127.0.0.2"]
        a.transport.send(PeerAddress("service", a.address.port), b"hello")
        await b.inbox.until_received(1)


async def test_what_will_not_change_by_itself_is_a_rejection() -> None:
    async with opened(cookies=(SECRET,)) as a, opened(cookies=(OTHER,)) as b:
        a.transport.send(b.address, b"hello")
        await a.inbox.until(lambda: bool(a.inbox.failures), "the failure")
        assert a.inbox.failures[0] == (b.address, ConnectFailure.rejected)
        await until(lambda: a.transport.counters.get("peer: wrong-cookie", 0) > 0, "the reason")


async def test_a_replaced_peer_is_notified_by_an_authenticated_one() -> None:
    async with opened() as a, opened() as older:
        older.transport.send(a.address, b"hello")
        await a.inbox.until_received(1)
        async with opened(advertised=older.address) as newer:
            newer.transport.send(a.address, b"hello")
            await older.inbox.until(lambda: bool(older.inbox.replaced_by), "the notice")
            assert older.inbox.replaced_by[0].address == a.address
            assert not newer.inbox.replaced_by
            assert not a.inbox.replaced_by, "it has closed the connection itself"


async def test_the_first_attempt_that_succeeds_ends_the_race() -> None:
    ended: list[str] = []

    async def attempt(name: str, seconds: float, failure: str | None) -> str | None:
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.append(name)
        return failure

    began = time.monotonic()
    racers = [("slow", 60.0, None), ("failing", 0.0, "no"), ("winner", 0.0, None), ("late", 60.0, None)]
    assert await race([lambda racer=racer: attempt(*racer) for racer in racers], head_start=0.01) == []
    assert ended == ["failing", "winner", "slow"], "the last one has not been started"
    assert time.monotonic() - began < 30.0
    assert await race([lambda: attempt("one", 0.0, "no"), lambda: attempt("other", 0.0, "nor this")]) == [
        "no",
        "nor this",
    ]
    assert await race([], head_start=0.0) == []
