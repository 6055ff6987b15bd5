"""The settings of a client: the arguments of `ClusterClient`, else the configuration."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from casty import CastyConfig
from casty.address import PeerAddress
from casty.entropy import source
from casty.errors import ConfigError
from casty.extension import Kernel
from casty.plugins import PluginRegistry, build_options
from casty.quantities import checked_seconds
from casty.spi.transport import Endpoint, FrameReceiver, Transport
from casty.tls import Config as TlsConfig

from casty_cluster.settings import Cookie, Seed, check_transport, cookies_of, peer_addresses, tls_of
from casty_cluster.wire.catalogue import VERSIONS

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
"""What a transport accepts as the name of a client, with room for the characters behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How a client reaches its cluster."""

    points: tuple[PeerAddress, ...]
    """Advertised addresses, where the address map has them."""
    address_map: Mapping[PeerAddress, PeerAddress]
    name: str
    transport: str
    transport_options: Mapping[str, object]
    cookies: tuple[bytes, ...] = field(repr=False)
    tls: TlsConfig | None
    connect_timeout: float

    def open_transport(self, kernel: Kernel, receiver: FrameReceiver) -> AbstractAsyncContextManager[Transport]:
        """Under a name that no other client has: of two with one name, nodes accept only the newer one."""
        url = f"{self.transport}://{self.name}:0"
        provider = kernel.plugins.transport(url)
        endpoint = Endpoint(
            cluster=kernel.system.name,
            uid=int.from_bytes(source().token(8)) or 1,
            versions=VERSIONS,
            cookies=self.cookies,
            tls=self.tls,
            client=self.name,
            address_map=self.address_map,
        )
        return provider.open(url, receiver, endpoint, build_options(provider, self.transport_options))

    def mistake_about(self, advertised: PeerAddress) -> str | None:
        """What is wrong with the address map, now that a node has said where it is reached."""
        turned = advertised in self.address_map.values() and advertised not in self.address_map
        if not turned:
            return None
        return (
            f"address_map is the wrong way round: {advertised} is what a node advertises, so it is a key, and its "
            "value is where this client reaches that node"
        )


def client_settings(
    contact_points: Sequence[Seed],
    address_map: Mapping[Seed, Seed] | None,
    config: CastyConfig,
    plugins: PluginRegistry,
    *,
    name: str,
    transport: str | None,
    tls: TlsConfig | None,
    cookie: Cookie | None,
    connect_timeout: float,
) -> ClientSettings:
    """Raises `ConfigError` and `PluginError` for what cannot be."""
    cluster = config.cluster
    tls = tls_of(tls, config)
    cookies = cookies_of(cookie, cluster.cookie_file)
    transport = transport or ("tls" if tls and cluster.transport == "tcp" else cluster.transport)
    check_transport(plugins, transport, cluster.transport_options, cookies, tls)
    if not plugins.transport(f"{transport}://").capabilities.clients:
        raise ConfigError(f'the transport {transport!r} serves no clients; use one that does, such as transport="tcp"')
    mapped = _address_map(address_map or {})
    advertised = {reached: address for address, reached in mapped.items()}
    points = peer_addresses(contact_points, "contact point")
    if not points:
        raise ConfigError("a client needs at least one contact point, the address of a node: ('10.0.0.1', 25520)")
    return ClientSettings(
        points=tuple(dict.fromkeys(advertised.get(point, point) for point in points)),
        address_map=mapped,
        name=f"{_checked(name)}-{source().token(4).hex()}",
        transport=transport,
        transport_options=cluster.transport_options,
        cookies=cookies,
        tls=tls,
        connect_timeout=checked_seconds(connect_timeout, "connect_timeout", zero=False),
    )


def _address_map(given: Mapping[Seed, Seed]) -> dict[PeerAddress, PeerAddress]:
    keys = peer_addresses(list(given), "address of a node")
    values = peer_addresses(list(given.values()), "address of a node")
    if len(set(keys)) < len(keys) or len(set(values)) < len(values):
        raise ConfigError(
            "address_map has an address twice; each node has one address that it advertises, and one here"
        )
    return dict(zip(keys, values, strict=True))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name of a client is 1 to 200 letters, digits, '.', '_' and '-', not {name!r}")
    return name
