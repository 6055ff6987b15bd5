"""A node whose certificates or cookie the others do not accept fails at once, and says what is wrong."""

import asyncio
import ssl
from collections.abc import Callable

import pytest
from casty.cluster import ClusteredActorSystem
from casty.errors import JoinError
from casty.tls import Config
from trustme import CA, LeafCert

from tests.transport_tcp.certificates import expired

GOOD, OTHER = CA(), CA()
PATIENCE = 30.0


def certified(by: CA, trusting: CA, certificate: LeafCert | None = None) -> Config:
    """A certificate for this machine by one authority, or this one, and trust in another authority."""
    shown = certificate or by.issue_cert("127.0.0.1")

    def context(protocol: int) -> Callable[[], ssl.SSLContext]:
        made = ssl.SSLContext(protocol)
        shown.configure_cert(made)  # pyright: ignore[reportUnknownMemberType] (of trustme)
        trusting.configure_trust(made)  # pyright: ignore[reportUnknownMemberType] (of trustme)
        made.verify_mode = ssl.CERT_REQUIRED
        return lambda: made

    return Config(server_context=context(ssl.PROTOCOL_TLS_SERVER), client_context=context(ssl.PROTOCOL_TLS_CLIENT))


def without_certificate() -> Config:
    def make() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        GOOD.configure_trust(made)  # pyright: ignore[reportUnknownMemberType] (of trustme)
        return made

    return Config(server_context=certified(GOOD, GOOD).server_context, client_context=make)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (certified(OTHER, OTHER), certified(GOOD, GOOD)),
        (certified(OTHER, GOOD), certified(GOOD, GOOD)),
        (certified(GOOD, GOOD, expired(GOOD)), certified(GOOD, GOOD)),
        (certified(GOOD, GOOD), certified(GOOD, GOOD, expired(GOOD))),
        (without_certificate(), certified(GOOD, GOOD)),
        (None, certified(GOOD, GOOD)),
        (certified(GOOD, GOOD), None),
    ],
    ids=[
        "another authority",
        "a certificate by another authority",
        "an expired certificate",
        "an expired certificate of the seed",
        "no certificate",
        "no TLS",
        "TLS on one side",
    ],
)
async def test_it_is_an_error_after_the_first_rejections(ours: Config | None, theirs: Config | None) -> None:
    async with ClusteredActorSystem(name="c", port=0, tls=theirs) as seed:
        with pytest.raises(JoinError, match="rejects this node"):
            async with asyncio.timeout(PATIENCE), joining(seed, tls=ours):
                await asyncio.Event().wait()
        assert len(seed.members) == 1


async def test_a_wrong_cookie_is_one_too() -> None:
    async with ClusteredActorSystem(name="c", port=0, cookie="s" * 32) as seed:
        with pytest.raises(JoinError, match="rejects this node: the peer claims: the two nodes share no cookie"):
            async with asyncio.timeout(PATIENCE), joining(seed, cookie="t" * 32):
                await asyncio.Event().wait()


def joining(seed: ClusteredActorSystem, **settings: object) -> ClusteredActorSystem:
    return ClusteredActorSystem(
        name="c",
        port=0,
        seed_nodes=[seed.self_node.address],
        **settings,  # pyright: ignore[reportArgumentType] (what the tests give is right)
    )
