"""Replication as pure machines: copies of a shard's histories on several nodes, of which one at a time adds events.

Each node that has a copy of a shard has a `Member` for it: a replica, and a primary while the copy is it.
"""

from casty_cluster.protocol.replication.member import Member as Member
from casty_cluster.protocol.replication.stored import Contents as Contents
