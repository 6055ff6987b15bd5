"""O4 and O5: those who connect and say nothing, or nearly nothing, and a process that has no file descriptors left."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from casty.member import NodeId
from casty_transport_tcp import transport
from casty_transport_tcp.framing import Kind, encoded
from casty_transport_tcp.listener import MAX_PENDING
from casty_transport_tcp.reasons import Reason
from trustme import CA

from tests.transport_tcp.certificates import written
from tests.transport_tcp.strangers import Stranger, opened, until

CROWD = 1_000


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of a thousand connections are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * CROWD)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_silent_connections_keep_no_peer_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 64 are kept, and a real peer can connect while they are there."""
    monkeypatch.setattr(transport, "HANDSHAKE_SECONDS", 5.0)
    async with opened() as a, opened() as b, AsyncExitStack() as crowd:
        await a.meet(b)
        strangers = [await crowd.enter_async_context(Stranger.at(a.address)) for _ in range(CROWD)]
        await until(lambda: a.transport.counters.get("crowded", 0) == CROWD - MAX_PENDING, "all but 64 turned away")
        late = await crowd.enter_async_context(Stranger.at(a.address))
        await late.introduce(NodeId("127.0.0.1", 9, 77))
        assert "too-slow" not in a.transport.counters
        await a.send(b.address, [b"still there?"])
        await b.inbox.until_received(1)
        verdicts = [await stranger.verdict() for stranger in strangers]
        assert verdicts.count(Reason.crowded) + verdicts.count(None) == CROWD - MAX_PENDING + 1
        assert verdicts.count(Reason.too_slow) == MAX_PENDING - 1


async def test_silent_connections_keep_no_peer_out_of_a_tls_port(tmp_path: Path) -> None:
    """They count from the moment when they are accepted, before TLS has begun."""
    tls = written(tmp_path, authority=CA()).config
    async with (
        opened("tls://127.0.0.1:0", tls=tls) as a,
        opened("tls://127.0.0.1:0", tls=tls) as b,
        AsyncExitStack() as crowd,
    ):
        for _ in range(2 * MAX_PENDING):
            await crowd.enter_async_context(Stranger.at(a.address))
        await until(lambda: a.transport.counters.get("crowded", 0) == MAX_PENDING, "all but 64 turned away")
        await b.send(a.address, [b"hello"])
        await a.inbox.until_received(1)
        assert a.transport.counters.keys() == {"crowded"}


async def test_one_byte_now_and_then_buys_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HANDSHAKE_SECONDS", 0.3)
    loop = asyncio.get_running_loop()
    async with opened() as a, Stranger.at(a.address) as stranger:
        async with asyncio.TaskGroup() as group:

            async def drip() -> None:
                for octet in encoded(Kind.hello, bytes(1_000)):
                    stranger.write(bytes([octet]))
                    await asyncio.sleep(0.02)

            began, dripping = loop.time(), group.create_task(drip())
            assert await stranger.verdict() is Reason.too_slow
            assert loop.time() - began < 1.0
            dripping.cancel()
        assert a.transport.counters == {"too-slow": 1}


def test_an_endpoint_survives_the_end_of_file_descriptors() -> None:
    """In a process of its own, whose limit is 64."""
    program = Path(__file__).with_name("out_of_files.py")
    run = subprocess.run([sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["full", "old friends still talk", "strangers get in again"]
    assert run.stderr == ""
