"""Nodes of two versions at one endpoint: the highest common version is used, and what a newer node adds is skipped."""

import logging
from struct import pack

import pytest
from casty.member import NodeId
from casty.spi.transport import FIRST_VERSION, ConnectFailure, Lane, Versions
from casty_transport_tcp.framing import data_header
from casty_transport_tcp.reasons import Reason

from tests.transport_tcp.strangers import Stranger, opened, until

NEWER = NodeId("127.0.0.1", 9, 77)
NEXT = Versions(1, 2)
UNKNOWN = pack("!IBBB", 8, 1, 42, 0) + b"newer"
"""A frame of a kind that this version does not know."""


async def test_a_node_of_the_next_version_is_understood(caplog: pytest.LogCaptureFixture) -> None:
    """It speaks this version with this node. What it adds is skipped, and logged once."""
    caplog.set_level(logging.INFO)
    async with opened() as a, Stranger.at(a.address) as newer:
        peer = await newer.introduce(NEWER, versions=NEXT, fields=b"\x63\0\3new")
        assert peer.version == FIRST_VERSION.highest
        for number in range(100):
            newer.write(UNKNOWN + data_header(2) + b"%02d" % number)
        await a.inbox.until_received(100)
        assert a.inbox.frames == [(NEWER, b"%02d" % number) for number in range(100)]
        assert a.inbox.lost == []
        assert a.transport.counters == {"unknown-kind": 100}
    assert [record.getMessage() for record in caplog.records if "kind 42" in record.getMessage()] == [
        f"{NEWER}: unknown frame kind 42 is skipped; the peer may be running a newer version of Casty"
    ]


async def test_a_cluster_is_upgraded_one_node_after_the_other() -> None:
    async with opened() as old, opened(versions=NEXT) as upgraded:
        await old.meet(upgraded)
        await upgraded.meet(old)
        async with opened(versions=Versions(2, 2)) as newest:
            await newest.meet(upgraded)
            assert newest.transport.send(old.address, b"too old")
            await newest.inbox.until(lambda: bool(newest.inbox.failures), "the rejection")
            assert newest.inbox.failures == [(old.address, ConnectFailure.rejected)]


async def test_both_sides_log_both_ranges_where_no_version_is_common(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as old, opened(versions=Versions(2, 3)) as new:
        assert new.transport.send(old.address, b"too old")
        await new.inbox.until(lambda: bool(new.inbox.failures), "the rejection")
        assert new.transport.counters["peer: wrong-version"] >= 1
        await until(lambda: old.transport.counters.get("wrong-version", 0) >= 1, "the older side's count")
        await new.transport.disconnect(old.address)
    assert "the peer speaks 1, this node 2 to 3" in caplog.text
    assert "the peer speaks 2 to 3, this node 1" in caplog.text


@pytest.mark.parametrize("lane", Lane)
async def test_a_kind_of_the_handshake_is_no_kind_of_a_newer_node(lane: Lane) -> None:
    async with opened() as a, Stranger.at(a.address) as stranger:
        await stranger.introduce(NEWER, lane=lane)
        stranger.write(pack("!IBBB", 4, 1, 1, 0) + b"x")
        assert await stranger.verdict() is Reason.out_of_turn
