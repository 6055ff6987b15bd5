"""What the transport within one process does beyond what all transports do, which the conformance kit looks at."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import pytest
from casty.errors import ConfigError
from casty.plugins import PluginRegistry, build_options
from casty.spi.transport import Endpoint, Lane, PeerAddress, Transport
from casty.testing.conformance.transport.nodes import Inbox
from casty.transports import inproc

A, B = PeerAddress("a", 1), PeerAddress("b", 1)

type Opened = tuple[Inbox, AbstractAsyncContextManager[Transport]]


def endpoint(url: str, cluster: str = "test", **options: object) -> Opened:
    """As the runtime opens one: through the registry and the provider."""
    provider = PluginRegistry.discover().transport(url)
    inbox = Inbox()
    settings = Endpoint(cluster=cluster, uid=sum(url.encode()))
    return inbox, provider.open(url, inbox, settings, build_options(provider, options))


@pytest.fixture(autouse=True)
def leaves_no_endpoint() -> Iterator[None]:
    yield
    assert not inproc._endpoints


async def test_a_frame_arrives_in_the_next_turn() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b as b:
        assert (a.local, b.local) == (A, B)
        assert all(a.send(B, bytes([n])) for n in range(100))
        assert inbox.frames == []
        await asyncio.sleep(0)
        assert inbox.bodies() == [bytes([n]) for n in range(100)]


@pytest.mark.parametrize("lane", Lane)
async def test_a_flood_of_frames_leaves_turns_to_others(lane: Lane) -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    in_turn = inproc.AT_ONCE[lane] // 1_000 + 1
    flood = [bytes([n]) * 1_000 for n in range(3 * in_turn)]
    async with opening_a as a, opening_b:
        assert all(a.send(B, frame, lane) for frame in flood)
        for turn in range(1, 4):
            await asyncio.sleep(0)
            assert inbox.bodies() == flood[: turn * in_turn]


async def test_control_frames_overtake_a_flood() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        for _ in range(200):
            a.send(B, bytes(1_000))
        await asyncio.sleep(0)
        before = len(inbox.frames)
        assert 0 < before < 200
        a.send(B, b"control", Lane.control)
        await asyncio.sleep(0)
        assert inbox.bodies()[before] == b"control"


async def test_what_is_queued_at_the_end_still_arrives() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    flood = [bytes([n]) * 1_000 for n in range(200)]
    async with opening_b:
        async with opening_a as a:
            assert all(a.send(B, frame) for frame in flood)
        assert inbox.bodies() == flood


async def test_undeliverable_frames_are_dropped_at_once_and_the_next_one_tries_again() -> None:
    inbox, opening = endpoint("inproc://a:1")
    async with opening as a:
        assert a.send(B, b"1")
        assert a.send(B, b"2")
        await asyncio.sleep(0)
        assert inbox.dropped == [(B, b"1"), (B, b"2")]
        assert inbox.reasons == ["no endpoint listens at inproc://b:1"]
        assert a.counters == {"no-endpoint": 1}
        other, opening_b = endpoint("inproc://b:1")
        async with opening_b:
            assert a.send(B, b"3")
            await other.until_received(1)


async def test_a_refusal_names_both_clusters_and_is_counted_on_both_sides() -> None:
    (inbox, opening_a), (_, opening_b) = endpoint("inproc://a:1", "one"), endpoint("inproc://b:1", "two")
    async with opening_a as a, opening_b as b:
        assert a.send(B, b"x")
        await inbox.until(lambda: bool(inbox.dropped), "the dropped frame")
        assert inbox.reasons == ["one is of the cluster 'one', the other of 'two'"]
        assert a.counters == b.counters == {"wrong-cluster": 1}


async def test_queues_are_as_long_as_the_options_say() -> None:
    (_, opening_a), (inbox, opening_b) = (
        endpoint("inproc://a:1", queue_frames=2, queue_bytes=10),
        endpoint("inproc://b:1"),
    )
    async with opening_a as a, opening_b:
        assert [a.send(B, b"x") for _ in range(3)] == [True, True, False]
        await inbox.until_received(2)
        assert [a.send(B, bytes(6)) for _ in range(2)] == [True, False]


async def test_a_port_that_is_free_again_is_used_again() -> None:
    openings = [endpoint("inproc://a:0")[1] for _ in range(3)]
    async with openings[0] as first, openings[1] as second:
        assert first.local.port != second.local.port
    async with openings[2] as third:
        assert third.local == first.local


async def test_an_address_that_is_taken_is_named() -> None:
    for _ in range(2):
        async with endpoint("inproc://a:1")[1]:
            with pytest.raises(OSError, match="an endpoint listens at inproc://a:1 already"):
                async with endpoint("inproc://a:1")[1]:
                    pass


@pytest.mark.parametrize("url", ["inproc://a", "inproc://:1", "inproc://a:1/path", "inproc://a:x"])
async def test_a_wrong_url_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"not the address of an endpoint: .*; write inproc://name:port"):
        async with endpoint(url)[1]:
            pass


async def test_an_endpoint_may_send_to_itself() -> None:
    inbox, opening = endpoint("inproc://a:1")
    async with opening as a:
        a.send(A, b"note")
        await inbox.until_received(1)
        assert inbox.bodies() == [b"note"]
    assert inbox.reasons == ["this endpoint closed the connection"]
    assert len(inbox.lost) == 1


def test_loops_do_not_see_each_others_endpoints() -> None:
    async def outer() -> list[str]:
        async with endpoint("inproc://b:1")[1]:
            return await asyncio.to_thread(asyncio.run, inner())

    async def inner() -> list[str]:
        inbox, opening = endpoint("inproc://a:1")
        async with opening as a, endpoint("inproc://a:0")[1]:
            a.send(B, b"hello?")
            await inbox.until(lambda: bool(inbox.dropped), "the dropped frame")
        return inbox.reasons

    assert asyncio.run(outer()) == ["no endpoint listens at inproc://b:1"]
