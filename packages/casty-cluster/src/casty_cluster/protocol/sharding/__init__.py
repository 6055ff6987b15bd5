"""Sharding as pure machines: where each shard runs, and how messages find it while it moves.

Each node has a `Region` for each kind of entity, and a `Coordinator`, of which only that on the oldest member acts.
"""

from casty_cluster.protocol.sharding.allocation import HashRing as HashRing
from casty_cluster.protocol.sharding.allocation import LeastShards as LeastShards
from casty_cluster.protocol.sharding.coordinator import Coordinator as Coordinator
from casty_cluster.protocol.sharding.region import Region as Region
