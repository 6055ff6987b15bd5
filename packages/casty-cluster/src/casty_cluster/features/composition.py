"""The list of features that a node has: Casty's own, and those of plugins."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from casty import ActorSystem
from casty.errors import PluginError
from casty.interruption import described, raise_unless_failure
from casty.plugins import ClusterFeatureProvider, build_options
from casty.spi.cluster_feature import ClusterFeature

from casty_cluster.broadcast.broadcast import Broadcasts
from casty_cluster.client.serving import ClientService
from casty_cluster.features.feature_node import FeatureNode
from casty_cluster.features.features import Features
from casty_cluster.node.node import Node
from casty_cluster.receptionist.receptionist import Receptionist
from casty_cluster.remoting.death_watch import DeathWatch
from casty_cluster.remoting.remoting import Remoting
from casty_cluster.replication.feature import Copies
from casty_cluster.sharding.feature import Sharding
from casty_cluster.singleton.manager import Singletons

logger = logging.getLogger("casty.cluster")


def compose(system: ActorSystem, node: Node) -> Features:
    """Make the features of a node that listens already, and join its actors to the other nodes.

    Raises `PluginError` for a plugin's feature that cannot be made.
    """
    kernel, feature_node = system.kernel, FeatureNode(system, node)
    death_watch = DeathWatch(feature_node, kernel)
    receptionist = Receptionist(feature_node, kernel)
    copies = Copies(feature_node, kernel, node.delivery, node)
    sharding = Sharding(feature_node, kernel, node.delivery, node, copies)
    kernel.remote = Remoting(node.local, node.delivery, death_watch, receptionist, sharding.entity)
    clients = ClientService(feature_node, kernel, node.delivery, receptionist, sharding, node.send)
    node.client_service = clients
    features: dict[str, ClusterFeature] = {
        "death watch": death_watch,
        "receptionist": receptionist,
        "singletons": Singletons(feature_node, kernel),
        "broadcasts": Broadcasts(feature_node, kernel),
        "copies": copies,
        "sharding": sharding,
        "clients": clients,
        **_of_plugins(system, feature_node),
    }
    return Features(features, feature_node, kernel, node)


def _of_plugins(system: ActorSystem, node: FeatureNode) -> dict[str, ClusterFeature]:
    providers = system.plugins.cluster_features()
    tables = system.config.cluster.features
    known = sorted({name for provider in providers.values() for name in provider.names})
    for name in tables.keys() - known:
        logger.warning(
            "[cluster.features.%s] is of no use: no plugin offers a cluster feature of that name; there are: %s",
            name,
            ", ".join(known) or "none",
        )
    return {title: _made(title, provider, node, tables) for title, provider in providers.items()}


def _made(
    title: str,
    provider: ClusterFeatureProvider[Any],
    node: FeatureNode,
    tables: Mapping[str, Mapping[str, object]],
) -> ClusterFeature:
    options = build_options(
        provider, next((tables[name] for name in provider.names if name in tables), dict[str, object]())
    )
    try:
        feature = provider.create(node, options)
    except BaseException as error:
        raise_unless_failure(error)
        raise PluginError(f"the cluster feature {title} cannot be made: {described(error)}") from error
    if not isinstance(cast(object, feature), ClusterFeature):
        raise PluginError(f"the cluster feature {title} is {feature!r}; derive its class from ClusterFeature")
    return feature
