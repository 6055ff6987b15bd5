"""The strategies with their usual options."""

from casty.spi.downing import DowningStrategy
from casty_cluster.protocol.downing import (
    DownAll,
    KeepMajority,
    KeepMajorityOptions,
    KeepOldest,
    KeepOldestOptions,
    LeaseMajority,
    LeaseMajorityOptions,
    StaticQuorum,
    StaticQuorumOptions,
)

STRATEGIES: dict[str, DowningStrategy] = {
    "keep-majority": KeepMajority(KeepMajorityOptions()),
    "static-quorum of 2": StaticQuorum(StaticQuorumOptions(quorum_size=2)),
    "static-quorum of 3": StaticQuorum(StaticQuorumOptions(quorum_size=3)),
    "static-quorum of 4": StaticQuorum(StaticQuorumOptions(quorum_size=4)),
    "keep-oldest": KeepOldest(KeepOldestOptions()),
    "keep-oldest even if alone": KeepOldest(KeepOldestOptions(down_if_alone=False)),
    "lease": LeaseMajority(LeaseMajorityOptions(url="memory://")),
    "down-all": DownAll(),
}
