"""The figures of the failure detector `swim`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SwimOptions:
    """Raises ValueError for a figure that is out of range."""

    protocol_period: float | None = None
    """Seconds between two probes; None: `[cluster.heartbeat] interval`."""
    ping_timeout: float | None = None
    """Seconds that a probed node has to answer before other nodes are asked to probe it; None: half a period."""
    ping_req_fanout: int = 3
    """How many other nodes are asked."""
    suspicion_mult: int = 4
    """Periods, times the logarithm of the cluster's size, that a suspect has to refute an accusation."""

    def __post_init__(self) -> None:
        for name in ("protocol_period", "ping_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ValueError(f"{name} must be more than 0 seconds; it is {seconds}")
        if self.protocol_period and self.ping_timeout and self.ping_timeout >= self.protocol_period:
            raise ValueError(f"ping_timeout must be less than protocol_period; it is {self.ping_timeout}")
        if self.ping_req_fanout < 0:
            raise ValueError(f"ping_req_fanout must be at least 0; it is {self.ping_req_fanout}")
        if self.suspicion_mult < 1:
            raise ValueError(f"suspicion_mult must be at least 1; it is {self.suspicion_mult}")
