"""The public face of clusters, and a door: the values are here, what runs them is in casty-cluster."""

from typing import TYPE_CHECKING, Any

from casty._doors import CLUSTER, resolve
from casty.behaviors.clustered import ServiceKey as ServiceKey
from casty.config.swim import ClusterConfig as ClusterConfig
from casty.objects.scope import ClusterScope as ClusterScope

if TYPE_CHECKING:
    from casty_cluster import ClusterClient as ClusterClient
    from casty_cluster import ClusteredActorSystem as ClusteredActorSystem
    from casty_cluster import DevelopmentCluster as DevelopmentCluster
    from casty_cluster import HashRing as HashRing
    from casty_cluster import LeastShards as LeastShards

_LAZY = {
    "ClusterClient": CLUSTER,
    "ClusteredActorSystem": CLUSTER,
    "DevelopmentCluster": CLUSTER,
    "HashRing": CLUSTER,
    "LeastShards": CLUSTER,
}


def __getattr__(name: str) -> Any:
    return resolve(__name__, name, _LAZY)
