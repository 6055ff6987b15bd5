"""The frames that some release has sent are read by this one, and this one sends what its golden file says."""

import pytest
from casty.spi.transport import Lane, Versions
from casty_transport_tcp.framing import FrameReader, Kind
from casty_transport_tcp.handshake import MAX_BODY, Peer
from casty_transport_tcp.reasons import Reason, told

from tests.transport_tcp.golden_frames import ACCEPTOR, CLIENT, DIALER, accepting, dialing, stored, today


def read(frame: bytes) -> tuple[int, bytes]:
    (only,) = FrameReader(MAX_BODY).feed(frame)
    return only


def test_today_the_newest_golden_bytes_are_sent() -> None:
    *_, newest = stored().values()
    assert today() == newest
    assert {read(frame)[0] for frame in newest.values()} == set(Kind)


@pytest.mark.parametrize("release", stored())
def test_a_handshake_of_golden_bytes_succeeds(release: str) -> None:
    """Each side against what that release's other side has sent. The nonces are those of the file."""
    frames = {name: read(frame) for name, frame in stored()[release].items()}
    server = accepting()
    server.received(*frames["hello"])
    assert server.received(*frames["proof"]).peer == Peer(DIALER, Lane.control, 1)
    client = dialing()
    client.received(*frames["challenge"])
    assert client.received(*frames["welcome"]).peer == Peer(ACCEPTOR, Lane.control, 1)


@pytest.mark.parametrize("release", stored())
def test_a_golden_client_is_known_as_one(release: str) -> None:
    frames = {name: read(frame) for name, frame in stored()[release].items()}
    server, client = accepting(), dialing(CLIENT)
    challenge = server.received(*frames["hello of a client"]).body
    proof = client.received(Kind.challenge, challenge).body
    assert server.received(Kind.proof, proof).peer == Peer(CLIENT, Lane.control, 1)


@pytest.mark.parametrize("release", stored())
def test_golden_endings_are_what_they_are_today(release: str) -> None:
    frames = {name: read(frame)[1] for name, frame in stored()[release].items()}
    for name, body in frames.items():
        if name.startswith("close: "):
            assert told(body, Versions(1, 1)).reason.slug == name.removeprefix("close: ")
    ending = told(frames["close with versions"], Versions(1, 1))
    assert ending.reason is Reason.wrong_version
    assert str(ending).endswith("the peer speaks 2 to 3, this node 1")
