"""What a failure detector implements: how much a silent node is suspected. Pure: `now` is always an argument."""

from typing import Final, Protocol

SPI: Final = 1


class FailureDetector(Protocol):
    """Suspicion of nodes from the times of their heartbeats. Times are seconds on one monotonic clock."""

    def heartbeat(self, node: str, now: float) -> None:
        """A sign of life from `node` arrived at `now`."""
        ...

    def suspicion(self, node: str, now: float) -> float:
        """0.0 for a node that is surely alive, growing as long as it stays silent; 0.0 for a node never heard of."""
        ...

    def is_available(self, node: str, now: float) -> bool:
        """Whether the suspicion is below the detector's threshold."""
        ...

    def remove(self, node: str) -> None:
        """Forget the node; a later heartbeat starts its history anew."""
        ...
