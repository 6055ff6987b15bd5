"""How the package's door opens: a name is loaded when it is first used. Programs without a cluster load this package
too, for its plugins, and would take half as long again to start.
"""

from importlib import import_module
from typing import Any, Final

MODULES: Final = {
    "ClusterClient": "casty_cluster.client.client",
    "ClusterState": "casty_cluster.node.view",
    "ClusteredActorSystem": "casty_cluster.system",
    "DevelopmentCluster": "casty_cluster.development.cluster",
    "HashRing": "casty_cluster.protocol.sharding.allocation",
    "LeastShards": "casty_cluster.protocol.sharding.allocation",
}
"""Where each name is defined."""


def of_package(name: str) -> Any:
    """The value of a name of `casty_cluster`, for its `__getattr__`. Raises `AttributeError` for any other name."""
    module = MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'casty_cluster' has no attribute {name!r}", name=name)
    return getattr(import_module(module), name)
