"""O2 and O3: peers that do not read, that are paused, and connections that lead nowhere and do not say so."""

import asyncio
import os
import signal
import sys
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Lane
from casty.testing.conformance.transport.nodes import numbered
from casty_transport_tcp.framing import Kind, encoded
from casty_transport_tcp.options import TcpOptions

from tests.transport_tcp.proxy import Proxy
from tests.transport_tcp.strangers import Stranger, opened

PEER = NodeId("127.0.0.1", 9, 77)
SHORT = TcpOptions(
    give_up_after=1.0,
    ping_interval=0.05,
    silence_timeout=0.5,
    connect_timeout=5.0,
    longest_retry=0.1,
    close_timeout=0.2,
)
SMALL = TcpOptions(queue_bytes=4 << 20)


async def test_a_peer_that_does_not_read_costs_no_more_than_its_queue() -> None:
    """Its frames are refused once its queue is full, the queue takes what it may and no more, others do not wait."""
    async with opened(options=SMALL) as a, opened() as b, Stranger.at(a.address) as stranger:
        await a.meet(b)
        await stranger.introduce(PEER)
        await a.inbox.until(lambda: PEER in a.inbox.connected, "the stranger")
        frame_number, refused = 0, 0
        tracemalloc.start()
        try:
            while refused < 100:
                await asyncio.sleep(0)
                for _ in range(100):
                    frame_number += 1
                    refused += not a.transport.send(PEER.address, frame_number.to_bytes(8) * 2_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2 * (4 << 20)
        assert a.transport.send(PEER.address, b"urgent", Lane.control)
        await a.send(b.address, numbered(range(1_000)))
        await b.inbox.until_received(1_000)
        assert b.inbox.bodies() == numbered(range(1_000))


async def test_a_peer_that_says_nothing_is_lost() -> None:
    async with opened(options=SHORT) as a, Stranger.at(a.address) as stranger:
        began = asyncio.get_running_loop().time()
        await stranger.introduce(PEER)
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the silent peer")
        assert a.inbox.lost == [PEER]
        assert a.inbox.reasons == ["the peer has sent nothing for too long"]
        assert 0.4 < asyncio.get_running_loop().time() - began < 3.0
        assert a.transport.counters == {"silent": 1}


async def test_pings_keep_an_idle_connection() -> None:
    async with opened(options=SHORT) as a, opened(options=SHORT) as b, Stranger.at(a.address) as stranger:
        await a.meet(b)
        await stranger.introduce(PEER)
        heard = [await stranger.frame() for _ in range(3)]
        stranger.write(encoded(Kind.ping))
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the peer that has sent one frame only")
        assert heard == [(Kind.ping, b"")] * 3
        assert a.inbox.lost == [PEER]
        assert b.inbox.lost == []


async def test_a_pause_of_ones_own_is_no_silence_of_others() -> None:
    """B5. After a stop of the loop, what others said meanwhile counts."""
    async with opened(options=SHORT) as a, opened(options=SHORT) as b:
        await a.meet(b)
        loop = asyncio.get_running_loop()
        later = loop.time() + 0.8
        while loop.time() < later:
            pass
        await a.send(b.address, [b"x"])
        await b.inbox.until_received(1)
        await asyncio.sleep(0.2)
        assert (a.inbox.lost, b.inbox.lost) == ([], [])


async def test_a_connection_that_leads_nowhere_is_noticed_and_made_anew() -> None:
    """O3: no reset and no end, only silence in both directions; and after it has passed, all is as before."""
    async with opened(options=SHORT) as a, Proxy.to(a.address) as proxy:
        advertised = PeerAddress("127.0.0.1", 9)
        async with opened(options=SHORT, advertised=advertised) as b:
            await b.send(proxy.address, [b"before"])
            await a.inbox.until_received(1)
            proxy.silence()
            for each in (a, b):
                await each.inbox.until(lambda inbox=each.inbox: bool(inbox.lost), "the loss that silence is")
                assert each.inbox.reasons == ["the peer has sent nothing for too long"]
            await b.send(proxy.address, [b"during"])
            proxy.heal()
            await a.inbox.until_received(2)
            assert a.inbox.bodies() == [b"before", b"during"]
            assert (len(a.inbox.connected), len(a.inbox.lost)) == (2, 1)


@asynccontextmanager
async def reader_process() -> AsyncGenerator[tuple[asyncio.subprocess.Process, PeerAddress]]:
    program = Path(__file__).with_name("reading.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        host, port = (await process.stdout.readline()).decode().split()
        yield process, PeerAddress(host, int(port))
    finally:
        process.send_signal(signal.SIGCONT)
        process.stdin.close()
        await process.wait()
        await process.stdout.read()


async def test_a_stopped_process_delays_no_other_peer() -> None:
    """SIGSTOP: its connection is closed, other peers are served as ever, and it reconnects once it continues."""
    async with (
        opened(options=replace(SHORT, silence_timeout=1.0)) as a,
        opened(options=replace(SHORT, silence_timeout=1.0)) as b,
        reader_process() as (process, address),
    ):
        await a.meet(b)
        await a.send(address, [b"x"])
        await a.inbox.until(lambda: len(a.inbox.connected) == 2, "the process")
        os.kill(process.pid, signal.SIGSTOP)
        loop = asyncio.get_running_loop()
        resumes, worst, sent = loop.time() + 3.0, 0.0, 0
        while loop.time() < resumes:
            for _ in range(10):
                a.transport.send(address, bytes(50_000))
            began = loop.time()
            await a.send(b.address, [b"x"])
            sent += 1
            await b.inbox.until_received(sent)
            worst = max(worst, loop.time() - began)
            await asyncio.sleep(0.01)
        assert worst < 1.0
        assert [peer.port for peer in a.inbox.lost] == [address.port]
        os.kill(process.pid, signal.SIGCONT)
        await a.send(address, [b"welcome back"])
        await a.inbox.until(lambda: len(a.inbox.connected) == 3, "the process, once it goes on")
        assert b.id not in a.inbox.lost


async def test_an_endpoint_closes_although_a_peer_does_not_read() -> None:
    loop, patient = asyncio.get_running_loop(), replace(SHORT, silence_timeout=60.0)
    async with AsyncExitStack() as afterwards:
        async with opened(options=patient) as a:
            stranger = await afterwards.enter_async_context(Stranger.at(a.address))
            await stranger.introduce(PEER)
            await a.inbox.until(lambda: bool(a.inbox.connected), "the stranger")
            for _ in range(10):  # until neither its queue nor the network takes any more
                while a.transport.send(PEER.address, bytes(100_000)):
                    pass
                await asyncio.sleep(0)
            began = loop.time()
        assert loop.time() - began < 10.0
        assert a.inbox.dropped


@pytest.mark.parametrize(("lane", "most"), [(Lane.control, 8 << 10), (Lane.user, 64 << 10)])
async def test_a_flood_of_frames_leaves_turns_to_others(lane: Lane, most: int) -> None:
    """Of the control lane fewer, as each of its frames is more work."""
    frame = encoded(Kind.data, bytes(100))
    flood = 4 * most // len(frame)
    async with opened() as a, Stranger.at(a.address) as stranger:
        await stranger.introduce(PEER, lane=lane)
        stranger.write(frame * flood)
        arrived = 0
        while arrived < flood:
            await asyncio.sleep(0)
            before, arrived = arrived, len(a.inbox.frames)
            assert arrived - before <= 1 + most // len(frame)
