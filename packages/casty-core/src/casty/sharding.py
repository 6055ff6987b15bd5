"""The public face of sharding, and a door: `ClusteredActorSystem` is in casty-cluster."""

from typing import TYPE_CHECKING, Any

from casty._doors import CLUSTER, resolve
from casty.behaviors.clustered import RegionRef as RegionRef
from casty.behaviors.clustered import ShardEnvelope as ShardEnvelope
from casty.events import ShardMoved as ShardMoved
from casty.events import ShardStarted as ShardStarted
from casty.events import ShardStopped as ShardStopped
from casty.events import ShardUnavailable as ShardUnavailable
from casty.regions import Rebalancing as Rebalancing
from casty.regions import RegionState as RegionState
from casty.regions import ShardMove as ShardMove
from casty.regions import ShardReason as ShardReason
from casty.regions import ShardState as ShardState
from casty.regions import ShardStatus as ShardStatus
from casty.replication import ReplicationConfig as ReplicationConfig

if TYPE_CHECKING:
    from casty_cluster import ClusteredActorSystem as ClusteredActorSystem

_LAZY = {"ClusteredActorSystem": CLUSTER}


def __getattr__(name: str) -> Any:
    return resolve(__name__, name, _LAZY)
