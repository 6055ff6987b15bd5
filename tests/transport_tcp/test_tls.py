"""X4: peers that connect over TLS, what rejected ones learn, and certificates that are replaced while nodes run."""

import ssl
from pathlib import Path

import pytest
from casty.spi.transport import PeerAddress
from casty.testing.conformance.transport.nodes import Inbox, Node
from casty.tls import Config
from casty_transport_tcp.framing import Kind, encoded
from casty_transport_tcp.reasons import Reason
from trustme import CA

from tests.transport_tcp.certificates import Files, expired, written
from tests.transport_tcp.strangers import QUICK, Stranger, opened

TLS = "tls://127.0.0.1:0"
SEVERAL = "any of several texts, as systems and versions of OpenSSL differ"


async def expect_kept_out(stranger: Node, node: Node) -> str:
    """Why, as the stranger hears it."""
    await stranger.send(node.address, [b"let me in"])
    await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
    assert (stranger.inbox.connected, node.inbox.connected) == ([], [])
    assert node.inbox.frames == []
    assert sum(node.transport.counters.values()) > 0
    return stranger.inbox.reasons[0]


async def test_an_authority_that_is_not_shared_keeps_out(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, authority=CA()).config for name in ("one", "other"))
    async with opened(TLS, tls=one) as node, opened(TLS, QUICK, tls=other) as stranger:
        assert "the other side's certificate is refused" in await expect_kept_out(stranger, node)


async def test_a_certificate_of_another_authority_is_refused_although_it_trusts_ours(tmp_path: Path) -> None:
    config = written(tmp_path / "node", authority=CA()).config
    thief = showing(config, written(tmp_path / "thief", authority=CA()))
    async with opened(TLS, tls=config) as node, opened(TLS, QUICK, tls=thief) as stranger:
        why = await expect_kept_out(stranger, node)
        assert "TLS handshake failed" in why or "broke" in why, SEVERAL
        assert node.transport.counters["tls"] > 0


async def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    authority = CA()
    config = written(tmp_path / "node", authority=authority).config
    late = showing(config, written(tmp_path / "late", authority=authority, certificate=expired(authority)))
    async with opened(TLS, tls=config) as node, opened(TLS, QUICK, tls=late) as stranger:
        why = await expect_kept_out(stranger, node)
        assert "this node's certificate has expired" in why or "broke" in why, SEVERAL
        assert node.transport.counters["tls"] > 0


async def test_no_peer_connects_without_a_certificate(tmp_path: Path) -> None:
    """With TLS 1.3 the handshake seems to have succeeded before the other side misses the certificate."""
    config = written(tmp_path, authority=CA()).config

    def without_certificate() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=tmp_path / "ca.pem")

    bare = Config(config.server_context, without_certificate)
    async with opened(TLS, tls=config) as node, opened(TLS, QUICK, tls=bare) as stranger:
        why = await expect_kept_out(stranger, node)
        assert "the other side wants a certificate, and this node has none" in why or "broke" in why, SEVERAL
        assert node.transport.counters["tls"] > 0


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    authority = CA()
    wrong_host = written(tmp_path / "wrong", authority=authority, certificate=authority.issue_cert("10.1.2.3"))
    right = written(tmp_path / "right", authority=authority)
    async with opened(TLS, tls=wrong_host.config) as node, opened(TLS, QUICK, tls=right.config) as stranger:
        await stranger.send(node.address, [b"which node are you?"])
        await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
        assert "IP address mismatch" in stranger.inbox.reasons[0]


async def test_tls_at_a_plain_port_is_recognized(tmp_path: Path) -> None:
    config = written(tmp_path, authority=CA()).config
    async with opened() as node, opened(TLS, QUICK, tls=config) as stranger:
        await stranger.send(node.address, [b"x"])
        await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
        assert "the other side does not speak TLS; both need a URL of tls://" in stranger.inbox.reasons[0]
        assert node.transport.counters["garbage"] > 0


async def test_plain_bytes_at_a_tls_port_are_recognized(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(TLS, tls=written(tmp_path, authority=CA()).config) as node:
        async with Stranger.at(node.address) as stranger:
            stranger.write(encoded(Kind.hello, bytes(100)))
            assert await stranger.verdict() is None
        async with opened(options=QUICK) as plain:
            await expect_kept_out(plain, node)
    assert "the other side does not speak TLS; both need a URL of tls://" in caplog.text


async def test_the_right_certificate_of_another_cluster_is_not_enough(tmp_path: Path) -> None:
    config = written(tmp_path, authority=CA()).config
    async with (
        opened(TLS, tls=config, cookies=(b"one",)) as node,
        opened(TLS, QUICK, tls=config, cookies=(b"two",)) as other,
    ):
        await other.send(node.address, [b"x"])
        await other.inbox.until(lambda: bool(other.inbox.dropped), "the dropped frame")
        assert "share no cookie" in other.inbox.reasons[0]
        assert node.transport.counters[Reason.wrong_cookie.slug] > 0


async def test_certificates_are_replaced_while_nodes_run(tmp_path: Path) -> None:
    """First all trust both authorities, then certificates are by the new one; old connections go on, new ones work."""
    old, new = CA(), CA()
    files = written(tmp_path, authority=old)
    async with opened(TLS, tls=files.config) as a, opened(TLS, tls=files.config) as b:
        await a.meet(b)
        written(tmp_path, authority=new)
        newcomer = written(tmp_path / "newcomer", authority=new).config
        async with opened(TLS, tls=newcomer) as c:
            await c.send(a.address, [b"new and old"])
            await a.inbox.until_received(1)
            await a.send(c.address, [b"old and new"])
            await c.inbox.until_received(1)
        await a.send(b.address, [b"still connected"])
        await b.inbox.until_received(1)
        assert b.inbox.lost == []


async def test_a_retired_authority_is_not_trusted_any_more(tmp_path: Path) -> None:
    old, new = CA(), CA()
    config = written(tmp_path / "node", authority=old).config
    stolen = written(tmp_path / "stolen", authority=old)
    async with opened(TLS, tls=config) as node:
        async with opened(TLS, tls=showing(config, stolen)) as thief:
            await thief.send(node.address, [b"it works"])
            await node.inbox.until_received(1)
        await node.inbox.until(lambda: bool(node.inbox.lost), "the thief's loss")
        node.inbox.frames.clear()
        node.inbox.connected.clear()
        written(tmp_path / "node", authority=new)
        async with opened(TLS, QUICK, tls=showing(config, stolen)) as thief:
            await expect_kept_out(thief, node)
            assert node.transport.counters["tls"] > 0


async def test_contexts_that_cannot_be_made_end_one_connection_and_no_more(tmp_path: Path) -> None:
    config = written(tmp_path, authority=CA()).config

    def broken() -> ssl.SSLContext:
        raise LookupError("the safe is locked")

    async with opened(TLS, QUICK, tls=config) as node, opened(TLS, QUICK, tls=Config(broken, broken)) as locked:
        await locked.send(node.address, [b"x"])
        await node.send(locked.address, [b"x"])
        await locked.inbox.until(lambda: bool(locked.inbox.dropped), "the dropped frame")
        await node.inbox.until(lambda: bool(node.inbox.dropped), "the dropped frame of the other")
        assert "this node's certificates cannot be used: the safe is locked" in locked.inbox.reasons[0]
        assert locked.transport.counters["tls"] > 2


async def test_frames_of_a_node_with_tls_may_be_large_and_many(tmp_path: Path) -> None:
    config = written(tmp_path, authority=CA()).config
    inbox = Inbox()
    async with opened(TLS, tls=config) as a, opened("tls://localhost:0", tls=config, inbox=inbox) as b:
        frames = [bytes([number]) * 1_000_000 for number in range(20)]
        await a.send(PeerAddress("localhost", b.address.port), frames)
        await inbox.until_received(20)
        assert inbox.bodies() == frames


def showing(config: Config, certificate: Files) -> Config:
    """A configuration that trusts what `config` does, and shows another certificate when it dials."""

    def client_context() -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=config.client_context().get_ca_certs(binary_form=True)[0])
        context.load_cert_chain(certificate.certfile, certificate.keyfile)
        return context

    return Config(config.server_context, client_context)
