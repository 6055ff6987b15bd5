"""Downing strategies: which side of a partition survives. Pure functions of what a node sees."""

from casty_cluster.protocol.downing.down_all import DownAll as DownAll
from casty_cluster.protocol.downing.keep_majority import KeepMajority as KeepMajority
from casty_cluster.protocol.downing.keep_majority import KeepMajorityOptions as KeepMajorityOptions
from casty_cluster.protocol.downing.keep_oldest import KeepOldest as KeepOldest
from casty_cluster.protocol.downing.keep_oldest import KeepOldestOptions as KeepOldestOptions
from casty_cluster.protocol.downing.lease import LeaseMajority as LeaseMajority
from casty_cluster.protocol.downing.lease import LeaseMajorityOptions as LeaseMajorityOptions
from casty_cluster.protocol.downing.static_quorum import StaticQuorum as StaticQuorum
from casty_cluster.protocol.downing.static_quorum import StaticQuorumOptions as StaticQuorumOptions
