"""The figures of the failure detector `phi-accrual`, as `[cluster.failure_detector]` names them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PhiAccrualOptions:
    """Raises ValueError for a figure that is out of range."""

    threshold: float = 8.0
    """The suspicion from which a node counts as unreachable."""
    max_sample_size: int = 1_000
    min_std_deviation_ms: float = 100.0
    acceptable_heartbeat_pause_ms: float = 3_000.0
    first_heartbeat_estimate_ms: float = 1_000.0
    monitors: int = 9
    """How many nodes watch each node; all of them where there are no more."""

    def __post_init__(self) -> None:
        for name in ("threshold", "max_sample_size", "min_std_deviation_ms", "first_heartbeat_estimate_ms", "monitors"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be more than 0; it is {getattr(self, name)}")
        if not 0 <= self.acceptable_heartbeat_pause_ms < float("inf"):
            raise ValueError(
                f"acceptable_heartbeat_pause_ms must be at least 0; it is {self.acceptable_heartbeat_pause_ms}"
            )
