"""Clustering for Casty actors: nodes that find, watch and trust each other, and what runs on top of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from casty_cluster.client.client import ClusterClient as ClusterClient
    from casty_cluster.development.cluster import DevelopmentCluster as DevelopmentCluster
    from casty_cluster.node.view import ClusterState as ClusterState
    from casty_cluster.protocol.sharding.allocation import HashRing as HashRing
    from casty_cluster.protocol.sharding.allocation import LeastShards as LeastShards
    from casty_cluster.system import ClusteredActorSystem as ClusteredActorSystem
else:
    # Only at run time: to a type checker, a module with `__getattr__` has every name.
    from casty_cluster._door import of_package as __getattr__  # noqa: F401
