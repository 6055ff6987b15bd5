"""The settings of the membership machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from casty.address import PeerAddress

_STABLE_AFTER: Final = ((5, 4.0), (10, 7.0), (20, 10.0))
_STABLE_AFTER_AT_MOST: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipSettings:
    """All times are in seconds."""

    system: str
    """The actor system's name: nodes of another system are rejected."""
    seeds: tuple[PeerAddress, ...] = ()
    contacts: tuple[PeerAddress, ...] = ()
    """The other members when this node's last incarnation was downed: they may still be running its cluster."""
    configuration: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings, or digests of them, that must be the same on all nodes that have them."""
    first_number: int = 1
    """The `up_number` of the first member of a cluster that this node forms: above those of all earlier clusters."""
    gossip_interval: float = 1.0
    full_gossip_interval: float = 30.0
    """Between two states that are sent although all members seem to have them."""
    gossip_ttl: float = 2.0
    """How long gossip may have waited here before it was read; older gossip is dropped, newer is on its way."""
    seed_interval: float = 0.2
    """Between the first probes of the seed nodes; it grows up to the next one."""
    seed_interval_max: float = 1.0
    seed_timeout: float = 5.0
    """After which a node that may do so forms a cluster alone, and any other one reports what it waits for."""
    merge_interval: float = 5.0
    """Between two probes of places that may run a cluster of their own (see `cluster_merge`)."""
    leave_timeout: float = 10.0
    """After which a leaving node stops without having been removed."""
    stable_after: float | None = None
    """How long nothing may have changed before unreachable members are decided about; None: by the cluster's size."""
    stable_share: float = 1.0
    """Of that time."""
    refused_share: float = 0.5
    """Of that time, where the machines of all unreachable members refuse connections."""
    down_all_when_unstable: bool = True
    """Whether all nodes down themselves if the view has not been stable after 1.75 times that time."""
    namesake_timeout: float = 20.0
    """For which a node keeps asking that is rejected because a member has its node_id: longer than it takes to notice
    that the member is dead.
    """
    tombstone_seconds: float = 24 * 3600.0
    max_gossip_bytes: int = 60 * 1024
    """What a frame of the control lane can carry: a node whose joining would make the state larger is rejected."""

    def stable_for(self, members: int, *, refused: bool = False) -> float:
        """How long a cluster of that size must have been stable: news takes longer to spread in a larger one.

        Safety does not depend on it.
        """
        if self.stable_after is not None:
            return self.stable_after
        usual = next((seconds for most, seconds in _STABLE_AFTER if members <= most), _STABLE_AFTER_AT_MOST)
        return usual * (self.refused_share if refused else self.stable_share)
