"""Structures that all nodes share: machines, the entities that run them, and the callers' side."""

from casty.coordination.barriers import DistributedBarrier as DistributedBarrier
from casty.coordination.client import Client as Client
from casty.coordination.facade import IN_MEMORY as IN_MEMORY
from casty.coordination.facade import PERSISTENT as PERSISTENT
from casty.coordination.facade import Distributed as Distributed
from casty.coordination.facade import Regions as Regions
from casty.coordination.facade import open_distributed as open_distributed
from casty.coordination.handles import DistributedCounter as DistributedCounter
from casty.coordination.handles import DistributedRegister as DistributedRegister
from casty.coordination.handles import DistributedSet as DistributedSet
from casty.coordination.leases import DistributedLock as DistributedLock
from casty.coordination.leases import DistributedSemaphore as DistributedSemaphore
from casty.coordination.leases import Election as Election
from casty.coordination.leases import LockGrant as LockGrant
from casty.coordination.maps import DistributedMap as DistributedMap
from casty.coordination.queues import Delivery as Delivery
from casty.coordination.queues import DistributedQueue as DistributedQueue
