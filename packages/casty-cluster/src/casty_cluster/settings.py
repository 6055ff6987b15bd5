"""The settings of a node: the arguments of `ClusteredActorSystem`, else the configuration."""

import os
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypedDict

from casty import CastyConfig
from casty.address import PeerAddress, canonical_host
from casty.config.actors import DEFAULT_NUM_SHARDS
from casty.config.kinds import peer_address
from casty.config.schema import PHI_ACCRUAL, Failover, WhenDowned, WhenRejected
from casty.errors import ConfigError
from casty.plugins import PluginRegistry, build_options
from casty.printable import printable
from casty.spi.downing import DowningStrategy, LeasingStrategy
from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.tls import Config as TlsConfig

from casty_cluster.protocol.membership.admission import NAMES, is_name

WILDCARDS: Final = ("0.0.0.0", "::", "")
MAX_COOKIES: Final = 2
MIN_COOKIE: Final = 16

type Seed = tuple[str, int] | str
"""`("10.0.0.1", 25520)` or `"10.0.0.1:25520"`."""
type Cookie = str | bytes | Sequence[str | bytes]
"""A secret, or two while it is being rotated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The figures behind `[cluster] failover`, in seconds; docs/failure-detection.md derives them."""

    refused_patience: float
    """Silence after which a member is suspected whose machine refuses connections."""
    stable_share: float
    """The share of the usual `stable_after` that is waited."""
    refused_share: float
    """The same where the machines of all unreachable members refuse connections."""
    heartbeat_at_most: float = float("inf")
    """Bound of `heartbeat.interval` and `availability_check_interval` with the detector `phi-accrual`."""
    gossip_at_most: float = float("inf")


PACES: Final = {
    Failover.default: Pace(refused_patience=1.0, stable_share=1.0, refused_share=0.5),
    Failover.fast: Pace(
        refused_patience=0.3, stable_share=0.5, refused_share=0.125, heartbeat_at_most=0.25, gossip_at_most=0.2
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """One node's place in its cluster."""

    bind_host: str
    port: int
    advertised: PeerAddress | None
    """Where other nodes reach it; None: where it listens."""
    seeds: tuple[PeerAddress, ...]
    node_id: str | None
    roles: tuple[str, ...]
    transport: str
    """The URL's scheme."""
    transport_options: Mapping[str, object]
    configuration: Mapping[str, str]
    """Settings that must be the same on all nodes."""
    cookies: tuple[bytes, ...] = field(repr=False)
    tls: TlsConfig | None
    insecure: bool
    detector: Callable[[DetectorContext], FailureDetector]
    downing: DowningStrategy
    when_downed: WhenDowned
    when_rejected: WhenRejected
    gossip_interval: float
    heartbeat_interval: float
    check_interval: float
    pace: Pace

    @property
    def url(self) -> str:
        host = f"[{self.bind_host}]" if ":" in self.bind_host else self.bind_host
        return f"{self.transport}://{host}:{self.port}"


class NodeArguments(TypedDict, total=False):
    """The arguments of `ClusteredActorSystem` that `[cluster]` of the configuration has too, or could have."""

    host: str
    port: int
    seed_nodes: Sequence[Seed]
    node_id: str
    roles: Sequence[str]
    bind_host: str
    advertised_host: str
    advertised_port: int
    transport: str
    tls: TlsConfig | None
    cookie: Cookie | None
    insecure: bool
    failure_detector: str | Callable[[DetectorContext], FailureDetector]
    downing: str | DowningStrategy
    when_downed: WhenDowned | Literal["rejoin", "exit"]
    when_rejected: WhenRejected | Literal["exit", "stay"]
    failover: Failover | Literal["default", "fast"]


def node_settings(given: NodeArguments, config: CastyConfig, plugins: PluginRegistry) -> NodeSettings:
    """What was given, and the configuration where that says nothing. Raises TypeError for an argument that there is
    not, `ConfigError` and `PluginError` for what cannot be.
    """
    if unknown := given.keys() - NodeArguments.__annotations__.keys():
        raise TypeError(f"ClusteredActorSystem takes no argument {sorted(unknown)[0]!r}")
    cluster = config.cluster
    host, port = given.get("host", cluster.host), given.get("port", cluster.port)
    tls = tls_of(given.get("tls"), config)
    cookies = cookies_of(given.get("cookie"), cluster.cookie_file)
    transport = given.get("transport", "tls" if tls and cluster.transport == "tcp" else cluster.transport)
    check_transport(plugins, transport, cluster.transport_options, cookies, tls)
    detector, downing = given.get("failure_detector"), given.get("downing")
    failover = Failover(given.get("failover", cluster.failover))
    pace, name = PACES[failover], _name_of(detector, cluster.failure_detector.kind)
    heartbeat_at_most = pace.heartbeat_at_most if name == PHI_ACCRUAL else float("inf")
    return NodeSettings(
        bind_host=given.get("bind_host", host),
        port=port,
        advertised=_advertised(given, host, port),
        seeds=peer_addresses(given["seed_nodes"], "seed node") if "seed_nodes" in given else cluster.seed_addresses,
        node_id=checked_name("node_id", given.get("node_id", cluster.node_id)),
        roles=tuple(checked_name("roles", role) for role in given.get("roles", cluster.roles)),
        transport=transport,
        transport_options=cluster.transport_options,
        configuration=_compared(config, name, _name_of(downing, cluster.downing.strategy), failover),
        cookies=cookies,
        tls=tls,
        insecure=given.get("insecure", False),
        detector=detector_of(detector, config, plugins),
        downing=downing_of(downing, config, plugins),
        when_downed=WhenDowned(given.get("when_downed", cluster.downing.when_downed)),
        when_rejected=WhenRejected(given.get("when_rejected", cluster.when_rejected)),
        gossip_interval=min(cluster.gossip.interval, pace.gossip_at_most),
        heartbeat_interval=min(cluster.heartbeat.interval, heartbeat_at_most),
        check_interval=min(cluster.heartbeat.availability_check_interval, heartbeat_at_most),
        pace=pace,
    )


def _compared(config: CastyConfig, detector: str, downing: str, failover: Failover) -> dict[str, str]:
    """Settings that must be the same on all nodes, which compare them when one joins."""
    return {
        "serializer": config.serialization.default,
        "failure detector": detector,
        "downing strategy": downing,
        "failover": failover.value,
        "[defaults.sharding] num_shards": str(config.defaults.sharding.num_shards or DEFAULT_NUM_SHARDS),
        **{
            f"[actors.{pattern!r}] num_shards": str(actor.sharding.num_shards)
            for pattern, actor in config.actors.items()
            if actor.sharding.num_shards is not None
        },
    }


def _advertised(given: NodeArguments, host: str, port: int) -> PeerAddress | None:
    """Where other nodes reach this one, if not where it listens."""
    if port == 0 and "advertised_port" in given:
        raise ConfigError("advertised_port needs a port that stays the same; give port= a number other than 0")
    shown = given.get("advertised_host") or (host if "bind_host" in given else public_host(host))
    if shown is None and "advertised_port" not in given and host == canonical_host(host):
        return None
    return PeerAddress(canonical_host(shown or host), given.get("advertised_port", port))


def checked_name[N: str | None](argument: str, name: N) -> N:
    """Raises `ConfigError` for a name with which the members of a cluster would reject this node."""
    if name is not None and not is_name(name):
        raise ConfigError(f"{argument} must be {NAMES}, not {printable(name)!r} of {len(name)} characters")
    return name


def _name_of(chosen: object, configured: str) -> str:
    return configured if chosen is None else chosen if isinstance(chosen, str) else type(chosen).__qualname__


def peer_addresses(given: Sequence[Seed], noun: str) -> tuple[PeerAddress, ...]:
    """Raises `ConfigError` for one that is not an address."""
    found: list[PeerAddress] = []
    for one in given:
        address = peer_address(one) if isinstance(one, str) else PeerAddress(canonical_host(one[0]), one[1])
        if address is None or not 0 < address.port < 65_536:
            raise ConfigError(f"{one!r} is no {noun}; write ('10.0.0.1', 25520) or '10.0.0.1:25520'")
        found.append(address)
    return tuple(found)


def public_host(host: str) -> str | None:
    """Where others reach a node that listens at `host`: this machine's own address for a wildcard, else None."""
    if host not in WILDCARDS:
        return None
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError as error:
        raise ConfigError(
            f"a node that listens at {host!r} needs an address at which other nodes reach it, and the name of this "
            f"machine has none ({error}); give advertised_host="
        ) from None


def cookies_of(cookie: Cookie | None, file: str | None) -> tuple[bytes, ...]:
    """The secrets, the current one first. Raises `ConfigError` for a short one, or a file that other users can read."""
    if cookie is None:
        found = () if file is None else _cookies_in(Path(file))
    else:
        given = [cookie] if isinstance(cookie, str | bytes) else cookie
        found = tuple(one.encode() if isinstance(one, str) else one for one in given)
    if len(found) > MAX_COOKIES or any(len(one) < MIN_COOKIE for one in found):
        raise ConfigError(
            f"a cookie has at least {MIN_COOKIE} bytes, and there are at most {MAX_COOKIES} of them, the new one first"
        )
    return found


def tls_of(tls: TlsConfig | None, config: CastyConfig) -> TlsConfig | None:
    files = config.cluster.tls
    if tls is not None or files.certfile is None or files.cafile is None:
        return tls
    return TlsConfig.from_paths(certfile=files.certfile, cafile=files.cafile, keyfile=files.keyfile)


def check_transport(
    plugins: PluginRegistry,
    name: str,
    options: Mapping[str, object],
    cookies: Sequence[bytes],
    tls: TlsConfig | None,
) -> None:
    """Raises `PluginError` for a transport that is not installed or does not have these options, and `ConfigError` for
    one that would ignore the cookie or the certificates.
    """
    provider = plugins.transport(f"{name}://")
    build_options(provider, options)
    if cookies and not provider.capabilities.authenticates:
        raise ConfigError(
            f"the transport {name!r} does not authenticate peers: it would ignore the cookie and accept any peer; "
            'use one that does, such as transport="tcp", or leave out cookie= and [cluster] cookie_file'
        )
    if tls is not None and not provider.capabilities.encrypts:
        raise ConfigError(
            f"the transport {name!r} does not encrypt: it would ignore the certificates and send plain text; "
            'use one that does, such as transport="tls", or leave out tls= and [cluster.tls]'
        )


def detector_of(
    chosen: str | Callable[[DetectorContext], FailureDetector] | None, config: CastyConfig, plugins: PluginRegistry
) -> Callable[[DetectorContext], FailureDetector]:
    """A name takes the place of the configured one. Raises `PluginError` for one that is not installed."""
    if callable(chosen):
        return chosen
    settings = config.cluster.failure_detector
    if chosen is not None and chosen != settings.kind:
        settings = replace(settings, kind=chosen, options={})
    provider = plugins.failure_detector(settings.kind)
    options = build_options(provider, settings.provider_options)
    return lambda context: provider.create(context, options)


def downing_of(chosen: str | DowningStrategy | None, config: CastyConfig, plugins: PluginRegistry) -> DowningStrategy:
    """A name takes the place of the configured one. Raises `PluginError` for one that is not installed."""
    if chosen is not None and not isinstance(chosen, str):
        strategy = chosen
    else:
        settings = config.cluster.downing
        if chosen is not None and chosen != settings.strategy:
            settings = replace(settings, strategy=chosen, options={})
        provider = plugins.downing_strategy(settings.strategy)
        strategy = provider.create(build_options(provider, settings.options))
    if isinstance(strategy, LeasingStrategy):
        # A missing lease store is reported at the start, and not during a partition.
        build_options(plugins.lease(strategy.store), {})
    return strategy


def _cookies_in(file: Path) -> tuple[bytes, ...]:
    try:
        mode = os.stat(file).st_mode
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(f"the cookie file cannot be read: {error}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"the cookie file {file} can be read by users other than its owner; run: chmod 600 {file}")
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise ConfigError(f"the cookie file {file} is empty; write a secret of at least {MIN_COOKIE} bytes into it")
    return found
