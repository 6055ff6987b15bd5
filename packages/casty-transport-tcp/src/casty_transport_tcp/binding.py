"""From a URL to a listening socket. A node that other machines can reach must authenticate its peers."""

import re
import socket
from ipaddress import ip_address
from typing import Final, NamedTuple

from casty.address import PeerAddress
from casty.errors import ConfigError
from casty.spi.transport import Endpoint

from casty_transport_tcp.handshake import MAX_NAME
from casty_transport_tcp.listener import BACKLOG
from casty_transport_tcp.resolving import Resolver, Target

_URL: Final = re.compile(
    r"(?P<scheme>tcp|tls)://(?:\[(?P<bracketed>[^]/?#@]+)]|(?P<host>[^][:/?#@]+)):(?P<port>[0-9]{1,5})/?"
)


class Place(NamedTuple):
    """The parts of a URL."""

    scheme: str
    host: str
    port: int


def place(url: str) -> Place:
    """Raises `ConfigError` for a URL that is none of these."""
    found = _URL.fullmatch(url)
    if found is None or int(found["port"]) > 65_535:
        raise ConfigError(
            f"not the address of an endpoint: {url!r}; write tcp://host:port or tls://host:port, with port 0 for any "
            "free one and an IPv6 address in brackets"
        )
    return Place(found["scheme"], found["bracketed"] or found["host"], int(found["port"]))


def check(where: Place, endpoint: Endpoint) -> None:
    """Raises `ConfigError` for settings that contradict each other."""
    if where.scheme == "tls" and endpoint.tls is None:
        raise ConfigError(
            "tls:// needs certificates: give tls=casty.tls.Config.from_paths(certfile=…, cafile=…, keyfile=…), or set "
            "[cluster.tls]"
        )
    if where.scheme == "tcp" and endpoint.tls is not None:
        raise ConfigError("certificates are given, but tcp:// uses none; write tls://, or leave them out")
    if not all(endpoint.cookies):
        raise ConfigError("a cookie is empty; give one that cannot be guessed, such as secrets.token_bytes(32)")
    if len(endpoint.cluster.encode()) > MAX_NAME:
        raise ConfigError(f"the system's name has more than {MAX_NAME} bytes; give it a shorter one")


async def listen(where: Place, endpoint: Endpoint) -> tuple[socket.socket, PeerAddress]:
    """A listening socket, and the address that others reach it under.

    Raises `ConfigError` where that must not be, and OSError where it cannot be.
    """
    place = f"{where.scheme}://{PeerAddress(where.host, where.port)}"
    try:
        targets = await Resolver().targets(where.host, where.port, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen at {place}: {error}") from error
    for target in targets:
        _check_exposure(where, endpoint, str(target.address[0]))
    failed: OSError | None = None
    for target in targets:
        try:
            listening = _bound(target)
            break
        except OSError as error:
            failed = failed or error  # such as the IPv6 address of a name, where the machine has no IPv6
    else:
        assert failed is not None, "a look-up without an error finds something"
        raise OSError(failed.errno, f"cannot listen at {place}: {failed.strerror}") from failed
    port: int = listening.getsockname()[1]
    advertised = endpoint.advertised or PeerAddress(where.host, 0)
    return listening, PeerAddress(advertised.host, advertised.port or port)


def _bound(target: Target) -> socket.socket:
    listening = socket.socket(target.family, target.kind, target.protocol)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if target.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(target.address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _check_exposure(where: Place, endpoint: Endpoint, address: str) -> None:
    """`address` is what the URL's host stands for."""
    bound = ip_address(address.partition("%")[0])
    if bound.is_unspecified and endpoint.advertised is None:
        raise ConfigError(
            f"{where.host} stands for all addresses of this machine, and others cannot use it to connect; name the "
            "address under which they reach this node: advertised_host"
        )
    if not (bound.is_loopback or endpoint.cookies or endpoint.tls or endpoint.insecure):
        raise ConfigError(
            f"{where.host} can be reached from other machines, and any process there could join the cluster; give all "
            "nodes the same cookie (cookie=… or [cluster] cookie_file) or certificates (tls=… or [cluster.tls]), "
            "listen at 127.0.0.1, or, where only trusted machines reach the network, set insecure=True"
        )
