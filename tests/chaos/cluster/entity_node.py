"""A node that has entities too, as a process; see `tests.chaos.cluster.node`.

python -m tests.chaos.cluster.entity_node SETTINGS
"""

import asyncio
import json
import logging
import sys

from casty import Behaviors
from casty.cluster import ClusteredActorSystem

from tests.chaos.cluster.node import LOG_FORMAT, Node, answering, main

REGION = "places"


def with_entities(system: ClusteredActorSystem) -> Node:
    """Entities that reply with the node that they run on."""
    name = system.self_node.node_id
    system.spawn(Behaviors.sharded(lambda _: answering(name), num_shards=20), REGION)
    return Node(system)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    asyncio.run(main(json.loads(sys.argv[1]), with_entities))
