"""Configuration: `casty.toml` as frozen values, read by `load_config` or made in code."""

from casty.config.actors import ActorConfig as ActorConfig
from casty.config.actors import ActorSettings as ActorSettings
from casty.config.actors import DefaultsConfig as DefaultsConfig
from casty.config.actors import MailboxOverrides as MailboxOverrides
from casty.config.actors import ReplicationOverrides as ReplicationOverrides
from casty.config.actors import ShardingOverrides as ShardingOverrides
from casty.config.actors import SupervisionOverrides as SupervisionOverrides
from casty.config.load import load_config as load_config
from casty.config.resolve import ActorSettingsResolver as ActorSettingsResolver
from casty.config.schema import CastyConfig as CastyConfig
from casty.config.schema import ClusterConfig as ClusterConfig
from casty.config.schema import DowningConfig as DowningConfig
from casty.config.schema import FailureDetectorConfig as FailureDetectorConfig
from casty.config.schema import GossipConfig as GossipConfig
from casty.config.schema import HeartbeatConfig as HeartbeatConfig
from casty.config.schema import JournalConfig as JournalConfig
from casty.config.schema import PluginsConfig as PluginsConfig
from casty.config.schema import SerializationConfig as SerializationConfig
from casty.config.schema import SystemConfig as SystemConfig
from casty.config.schema import TlsConfig as TlsConfig
