"""Both schemes of the transport do all that a transport must."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from casty.address import PeerAddress
from casty.testing.conformance.transport import Capabilities, Check, OpenTransport, Wire, checks
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint
from trustme import CA

from tests.transport_tcp.certificates import written

WAITING = {
    "undeliverable_frames_are_dropped_by_name",
    "a_client_needs_the_cookie_of_the_nodes",
    "a_node_that_accepts_no_clients_rejects_them",
    "a_refusal_disturbs_no_other_peer",
    "another_cluster_is_turned_away",
    "another_cookie_keeps_out",
    "counters_count_up_and_belong_to_their_reader",
    "no_cookie_keeps_out",
}
"""The checks that wait until the transport gives up. They wait side by side, so that this may take its time: a machine
that is busy for longer than a transport waits would fail them.
"""


@asynccontextmanager
async def listen(accept: Callable[[StreamReader, StreamWriter], Awaitable[None]]) -> AsyncGenerator[PeerAddress]:
    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield PeerAddress("127.0.0.1", server.sockets[0].getsockname()[1])


async def dial(address: PeerAddress) -> tuple[StreamReader, StreamWriter]:
    return await asyncio.open_connection(address.host, address.port)


ALL = checks(Capabilities(discards=True, wire=Wire(dial, listen)))
OTHERS = [check for check in ALL if check.__name__ not in WAITING]
PATIENT, HURRIED = TcpOptions(give_up_after=60.0), TcpOptions(give_up_after=10.0)


def plain(options: TcpOptions) -> OpenTransport:
    return lambda receiver, endpoint, at: open_endpoint(f"tcp://{at or '127.0.0.1:0'}", receiver, endpoint, options)


def encrypted(options: TcpOptions, folder: Path) -> OpenTransport:
    tls = written(folder, authority=CA()).config
    return lambda receiver, endpoint, at: open_endpoint(
        f"tls://{at or '127.0.0.1:0'}", receiver, replace(endpoint, tls=tls), options
    )


async def wait_side_by_side(open_transport: OpenTransport) -> None:
    async with asyncio.TaskGroup() as group:
        for check in checks():
            if check.__name__ in WAITING:
                group.create_task(named(check, open_transport))


async def named(check: Check, open_transport: OpenTransport) -> None:
    try:
        await check(open_transport)
    except BaseException as error:
        error.add_note(f"in the check {check.__name__}")
        raise


@pytest.mark.parametrize("check", OTHERS)
async def test_conformance(check: Check) -> None:
    await check(plain(PATIENT))


async def test_conformance_of_what_waits() -> None:
    await wait_side_by_side(plain(HURRIED))


@pytest.mark.parametrize("check", OTHERS)
async def test_conformance_of_tls(check: Check, tmp_path: Path) -> None:
    await check(encrypted(PATIENT, tmp_path))


async def test_conformance_of_tls_of_what_waits(tmp_path: Path) -> None:
    await wait_side_by_side(encrypted(HURRIED, tmp_path))


def test_the_checks_that_wait_are_there() -> None:
    assert {check.__name__ for check in checks()} >= WAITING
