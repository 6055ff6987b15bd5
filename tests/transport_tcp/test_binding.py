"""Where an endpoint listens, under which name others reach it, and what it refuses to be opened to."""

import socket

import pytest
from casty.address import PeerAddress
from casty.errors import ConfigError
from casty.spi.transport import Endpoint
from casty.testing.conformance.transport.nodes import Inbox
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint

from tests.transport_tcp.strangers import opened

SECRET = b"not to be shown in any text"


async def refused(url: str, *, cluster: str = "test", cookies: tuple[bytes, ...] = (), insecure: bool = False) -> str:
    """What is said about an endpoint that must not be opened."""
    endpoint = Endpoint(cluster=cluster, uid=1, cookies=cookies, insecure=insecure)
    with pytest.raises(ConfigError) as raised:
        async with open_endpoint(url, Inbox(), endpoint, TcpOptions()):
            pass
    return str(raised.value)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "url",
    [
        "tcp://127.0.0.1",
        "tcp://:1",
        "tcp://127.0.0.1:70000",
        "tcp://127.0.0.1:x",
        "tcp://127.0.0.1:1/path",
        "tcp://user@127.0.0.1:1",
        "tcp://::1:1",
        "tcp://[::1]",
        "udp://127.0.0.1:1",
        "127.0.0.1:1",
    ],
)
async def test_a_wrong_url_says_how_to_write_it(url: str) -> None:
    text = await refused(url)
    assert text.startswith(f"not the address of an endpoint: {url!r}; write tcp://host:port or tls://host:port")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_addresses_stand_in_brackets() -> None:
    async with opened("tcp://[::1]:0") as a, opened("tcp://[::1]:0") as b:
        await a.meet(b)
        assert a.address.host == "::1"
        assert b.inbox.connected == [a.id]


async def test_a_name_is_kept_as_it_was_written() -> None:
    async with opened("tcp://localhost:0") as a, opened() as b:
        assert a.address.host == "localhost"
        await a.meet(b)


@pytest.mark.parametrize("port", [0, 4_711])
async def test_the_advertised_address_is_the_one_that_counts(port: int) -> None:
    """Port 0 stands for the one that it listens at."""
    async with opened("tcp://127.0.0.1:0", advertised=PeerAddress("node.example", port)) as a, opened() as b:
        assert a.address.host == "node.example"
        assert a.address.port == port or (port == 0 and a.address.port > 0)
        await a.send(b.address, [b"x"])
        await b.inbox.until_received(1)
        assert b.inbox.frames == [(a.id, b"x")]


async def test_an_address_for_all_addresses_needs_one_that_others_can_use() -> None:
    text = await refused("tcp://0.0.0.0:0", insecure=True)
    assert "others cannot use it to connect; name the address under which they reach this node: advertised_host" in text
    here, cookies = PeerAddress("127.0.0.1", 0), (SECRET,)
    async with opened("tcp://0.0.0.0:0", cookies=cookies, advertised=here) as a, opened(cookies=cookies) as b:
        await a.meet(b)


async def test_a_node_that_others_can_reach_must_authenticate_its_peers() -> None:
    text = await refused("tcp://192.0.2.1:0")
    assert "192.0.2.1 can be reached from other machines, and any process there could join the cluster" in text
    for cure in ("cookie=", "cookie_file", "tls=", "127.0.0.1", "insecure=True"):
        assert cure in text


@pytest.mark.parametrize(("cookies", "insecure"), [((SECRET,), False), ((), True)])
async def test_a_node_that_authenticates_peers_may_listen_anywhere(
    cookies: tuple[bytes, ...], *, insecure: bool
) -> None:
    """192.0.2.1 is no address of this machine, so that it gets no further than to the system's refusal."""
    endpoint = Endpoint(cluster="test", uid=1, cookies=cookies, insecure=insecure)
    with pytest.raises(OSError, match=r"cannot listen at tcp://192.0.2.1:1: "):
        async with open_endpoint("tcp://192.0.2.1:1", Inbox(), endpoint, TcpOptions()):
            pass


async def test_an_address_that_is_taken_is_named() -> None:
    async with opened() as a:
        with pytest.raises(OSError, match=f"cannot listen at tcp://{a.address}: Address already in use"):
            async with opened(f"tcp://{a.address}"):
                pass


async def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "tls:// needs certificates: give tls=casty.tls.Config.from_paths(" in await refused("tls://127.0.0.1:0")
    text = await refused("tcp://127.0.0.1:0", cookies=(SECRET, b""))
    assert "a cookie is empty; give one that cannot be guessed" in text
    assert SECRET.decode() not in text
    assert "1000 bytes; give it a shorter one" in await refused("tcp://127.0.0.1:0", cluster="c" * 1_001)
