"""The public face of sharding, and a door: `ClusteredActorSystem` is in casty-cluster."""

from typing import TYPE_CHECKING, Any

from casty._doors import CLUSTER, resolve
from casty.behaviors.clustered import RegionRef as RegionRef
from casty.behaviors.clustered import ShardEnvelope as ShardEnvelope
from casty.replication import ReplicationConfig as ReplicationConfig

if TYPE_CHECKING:
    from casty_cluster import ClusteredActorSystem as ClusteredActorSystem

_LAZY = {"ClusteredActorSystem": CLUSTER}


def __getattr__(name: str) -> Any:
    return resolve(__name__, name, _LAZY)
