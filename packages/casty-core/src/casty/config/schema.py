"""The whole of `casty.toml` as values: a dataclass for each table, a field with a default for each key.

`docs/reference/casty.toml` gives the reasons for the defaults; a test holds it to this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, override

from casty.config.actors import ActorConfig, DefaultsConfig, settle
from casty.config.kinds import Count, NotNegative, Pattern, Peer, Port, Positive, Text, Threshold, Url, peer_address
from casty.config.tables import Table, hints
from casty.errors import ConfigError
from casty.spi.transport import PeerAddress

PHI_ACCRUAL: Final = "phi-accrual"
"""The failure detector whose figures have keys of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig(Table):
    """`[system]`: one actor system as a whole."""

    name: Text = "casty"
    stop_timeout: Positive = 5.0
    """Seconds that the current handler of a stopping actor may take before it is cancelled."""
    slow_handler_seconds: Threshold = 0.5
    """A handler that holds the event loop for longer is logged, and published as `SlowHandler`; 0 or False: never."""
    suspended_handler_seconds: Threshold = 30.0
    """A handler that has awaited something for longer is logged, and published as `SuspendedHandler`; 0 or False:
    never.
    """
    high_water: Count = 10_000
    """Messages waiting in an unbounded mailbox at which `MailboxHighWater` is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig(Table):
    """`[cluster.tls]`: PEM files, relative to the working directory; without `keyfile` the key is in `certfile`."""

    certfile: Text | None = None
    cafile: Text | None = None
    keyfile: Text | None = None

    @override
    def check_together(self) -> None:
        if (self.certfile is None) != (self.cafile is None) or (self.certfile is None and self.keyfile is not None):
            raise ConfigError(
                "certfile and cafile belong together: set both, and keyfile unless the key is in certfile too; "
                "or none of them for no TLS"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipConfig(Table):
    """`[cluster.gossip]`: how the members exchange the membership."""

    interval: Positive = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig(Table):
    """`[cluster.heartbeat]`: signs of life between members, and how often their absence is looked for."""

    interval: Positive = 1.0
    availability_check_interval: Positive = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetectorConfig(Table):
    """`[cluster.failure_detector]`: which one, the figures of `phi-accrual`, and the options of any other."""

    kind: Text = PHI_ACCRUAL
    threshold: Positive = 8.0
    max_sample_size: Count = 1_000
    min_std_deviation_ms: Positive = 100.0
    acceptable_heartbeat_pause_ms: NotNegative = 3_000.0
    first_heartbeat_estimate_ms: Positive = 1_000.0
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Handed to the failure detector's provider, which checks them."""

    @property
    def provider_options(self) -> Mapping[str, object]:
        """All that the chosen one is made with: for `phi-accrual` its figures are among it."""
        if self.kind != PHI_ACCRUAL:
            return self.options
        figures = {key: getattr(self, key) for key in hints(FailureDetectorConfig) if key not in ("kind", "options")}
        return {**figures, **self.options}


class WhenDowned(Enum):
    """What a downed node does."""

    rejoin = "rejoin"
    """It rejoins as a new incarnation, and its actors restart."""
    exit = "exit"
    """It ends its process with exit code 86."""


class WhenRejected(Enum):
    """What a node does that is in no cluster and is rejected for good."""

    exit = "exit"
    """It shuts down, and `async with` raises `JoinError`."""
    stay = "stay"
    """It runs on outside of any cluster; the program decides, by the event `NodeRejected`."""


class Failover(Enum):
    """How soon a node that has died is replaced."""

    default = "default"
    fast = "fast"
    """More heartbeats and gossip, and less time to be sure; a pause of three seconds still costs no node its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DowningConfig(Table):
    """`[cluster.downing]`: which side survives a partition."""

    strategy: Text = "keep-majority"
    when_downed: WhenDowned = WhenDowned.rejoin
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Handed to the strategy's provider, which checks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsConfig(Table):
    """`[cluster.clients]`: what clients may reach through this node."""

    allow: tuple[Pattern, ...] = (".*",)
    """Names of actors at the top of the tree, regions and singletons among them, and of service keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig(Table):
    """`[cluster]`: this node, and how it finds and watches the others."""

    host: Text = "127.0.0.1"
    port: Port = 25520
    """0: any free port."""
    seed_nodes: tuple[Peer, ...] = ()
    """`host:port` each; `seed_addresses` has them taken apart."""
    roles: tuple[Text, ...] = ()
    node_id: Text | None = None
    """None: `host:port`."""
    transport: Text = "tcp"
    transport_options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Handed to the transport's provider, which checks them."""
    cookie_file: Text | None = None
    when_rejected: WhenRejected = WhenRejected.exit
    failover: Failover = Failover.default
    """The same on all nodes."""
    tls: TlsConfig = TlsConfig()
    gossip: GossipConfig = GossipConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    failure_detector: FailureDetectorConfig = FailureDetectorConfig()
    downing: DowningConfig = DowningConfig()
    clients: ClientsConfig = ClientsConfig()
    features: Mapping[Text, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """`[cluster.features.<name>]`: the options of each feature that a plugin adds, which its provider checks."""

    @property
    def seed_addresses(self) -> tuple[PeerAddress, ...]:
        return tuple(address for node in self.seed_nodes if (address := peer_address(node)))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalConfig(Table):
    """`[journal]`: where event-sourced actors that name no journal store their events."""

    url: Url | None = None
    """None: in memory."""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Handed to the journal's provider, which checks them."""

    @override
    def check_together(self) -> None:
        if self.options and self.url is None:
            raise ConfigError(
                "options need a url, which names the journal that they configure; "
                'set url, such as "sqlite:///events.db" or "memory://", '
                f"or remove the options: {', '.join(self.options)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializationConfig(Table):
    """`[serialization]`: how values become bytes, and which bytes may become values."""

    default: Text = "msgpack"
    strict: bool = False
    """Decode registered types only, not every dataclass and enum of the modules already imported."""
    allow: tuple[Text, ...] = ()
    """Modules, with those below them, whose types `strict` lets through although they are not registered."""
    max_payload: Count | None = None
    """Bytes of one value; None: as many as the serializer says."""
    max_items: Count | None = None
    """Elements, keys and values of all its containers together."""
    max_depth: Count | None = None
    """Containers within containers."""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Handed to the serializer's provider, which checks them; `event_…` and `snapshot_…` count for those alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginsConfig(Table):
    """`[plugins]`: which of the installed plugins stay out."""

    disabled: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CastyConfig(Table):
    """A configuration: what `load_config` reads, and as well what code may put together itself.

    Raises `ConfigError`, as each of its tables does, for a value that is wrong.
    """

    system: SystemConfig = SystemConfig()
    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
    actors: Mapping[Pattern, ActorConfig] = field(default_factory=dict[str, ActorConfig])
    """By regular expression; of those that match an actor's name the first one counts."""
    cluster: ClusterConfig = ClusterConfig()
    journal: JournalConfig = JournalConfig()
    serialization: SerializationConfig = SerializationConfig()
    instruments: Mapping[Text, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """`[instruments.<name>]`: the options of each instrument, which its provider checks."""
    plugins: PluginsConfig = PluginsConfig()

    @override
    def check_together(self) -> None:
        _check_settles("defaults", ActorConfig(), self.defaults)
        for pattern, actor in self.actors.items():
            _check_settles(f"actors.{pattern!r}", actor, self.defaults)


def _check_settles(key: str, actor: ActorConfig, defaults: DefaultsConfig) -> None:
    try:
        settle(actor, defaults, journal=None)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
