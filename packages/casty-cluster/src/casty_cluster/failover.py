"""The two paces at which a cluster replaces a node that has died: the figures behind `[cluster] failover`."""

from dataclasses import dataclass
from typing import Final

from casty.config.schema import Failover


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times are in seconds; docs/failure-detection.md derives them."""

    refused_patience: float
    """For which a member whose machine refuses connections must have given no sign of life before it is suspected."""
    stable_share: float
    """Of the usual `stable_after`."""
    refused_share: float
    """Of the usual `stable_after`, where the machines of all unreachable members refuse connections."""
    heartbeat_at_most: float = float("inf")
    """For `heartbeat.interval` and `availability_check_interval` of the detector `phi-accrual`."""
    gossip_at_most: float = float("inf")


PACES: Final = {
    Failover.default: Pace(refused_patience=1.0, stable_share=1.0, refused_share=0.5),
    Failover.fast: Pace(
        refused_patience=0.3, stable_share=0.5, refused_share=0.125, heartbeat_at_most=0.25, gossip_at_most=0.2
    ),
}
