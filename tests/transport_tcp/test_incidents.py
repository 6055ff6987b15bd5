"""Everything is counted, and logged often enough to be seen and not so often that it hides everything else."""

import logging

import pytest
from casty.spi.transport import FIRST_VERSION, Versions
from casty_transport_tcp import incidents
from casty_transport_tcp.incidents import MOST_ADDRESSES, Incidents
from casty_transport_tcp.reasons import Ending, Reason, no_common_version, told


async def test_one_line_stands_for_many_of_a_kind(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Incidents()
    for _ in range(100):
        noted.note("a peer", Ending(Reason.garbage, "GET"), address="a")
    noted.note("a peer", Ending(Reason.wrong_cookie), address="a")
    assert noted.counts == {"garbage": 100, "wrong-cookie": 1}
    assert [record.message for record in caplog.records] == [
        "a peer: the peer sent bytes that are no frame: GET",
        "a peer: the two nodes share no cookie; give all nodes of a cluster the same one",
    ]
    monkeypatch.setattr(incidents, "QUIET_SECONDS", 0.0)
    noted.note("a peer", Ending(Reason.garbage), address="a")
    assert caplog.records[-1].message.endswith(" (and 99 more of the kind)")


async def test_what_is_as_it_should_be_is_counted_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    noted = Incidents()
    noted.note("a peer", Ending(Reason.closed), address="a")
    noted.note("a peer", told(bytes((Reason.closed,)), FIRST_VERSION), address="a")
    assert noted.counts == {"closed": 1, "peer: closed": 1}
    assert caplog.records == []


async def test_an_address_where_no_node_listens_yet_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Incidents().note("connecting to a:1", Ending(Reason.unreachable), address="a:1")
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_each_reason_has_words_of_its_own() -> None:
    assert len({str(Ending(reason)) for reason in Reason}) == len(Reason)


def test_a_reason_that_a_newer_casty_gives_is_a_closed_connection() -> None:
    ending = told(b"\xfa and more", FIRST_VERSION)
    assert (ending.reason, ending.by_peer) == (Reason.closed, True)


def test_a_rejected_version_shows_both_ranges_on_both_sides() -> None:
    here = no_common_version(Versions(2, 3), FIRST_VERSION)
    there = told(here.body, Versions(2, 3))
    assert str(here).endswith("upgrade the older one: the peer speaks 2 to 3, this node 1")
    assert str(there).endswith("upgrade the older one: the peer speaks 1, this node 2 to 3")
    assert (there.reason, there.by_peer) == (Reason.wrong_version, True)


async def test_a_skipped_kind_of_frame_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    noted = Incidents()
    for _ in range(100):
        noted.skipped("peer", 42, address="a")
    (record,) = caplog.records
    assert record.getMessage() == (
        "peer: unknown frame kind 42 is skipped; the peer may be running a newer version of Casty"
    )
    assert noted.counts == {"unknown-kind": 100}


async def test_each_address_has_lines_of_its_own_and_many_of_them_share_one(caplog: pytest.LogCaptureFixture) -> None:
    noted = Incidents()
    for number in range(10 * MOST_ADDRESSES):
        for _ in range(3):
            noted.note(f"peer {number}", Ending(Reason.garbage), address=f"10.0.0.{number}")
    assert len(caplog.records) == MOST_ADDRESSES + 1
    assert caplog.records[1].getMessage().startswith("peer 1: ")
    assert noted.counts == {"garbage": 30 * MOST_ADDRESSES}


async def test_a_peer_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    Incidents().note("host\nERROR forged", Ending(Reason.wrong_cluster, "it is of 'a\nb'"), address="a")
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


async def test_what_a_peer_gives_as_its_reason_is_marked_as_its_claim(caplog: pytest.LogCaptureFixture) -> None:
    Incidents().note("peer", Ending(Reason.tls, by_peer=True), address="a")
    (record,) = caplog.records
    assert record.getMessage() == "peer: the peer claims: the TLS handshake failed"
