"""The public face of the distributed structures, which `system.distributed()` makes."""

from casty.coordination import Delivery as Delivery
from casty.coordination import Distributed as Distributed
from casty.coordination import DistributedBarrier as DistributedBarrier
from casty.coordination import DistributedCounter as DistributedCounter
from casty.coordination import DistributedLock as DistributedLock
from casty.coordination import DistributedMap as DistributedMap
from casty.coordination import DistributedQueue as DistributedQueue
from casty.coordination import DistributedRegister as DistributedRegister
from casty.coordination import DistributedSemaphore as DistributedSemaphore
from casty.coordination import DistributedSet as DistributedSet
from casty.coordination import Election as Election
from casty.coordination import LockGrant as LockGrant
from casty.errors import LockLostError as LockLostError
