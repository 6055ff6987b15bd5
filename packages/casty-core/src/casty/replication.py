"""How many copies of a shard's entities are kept, and how many must confirm a write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationConfig:
    """Passive copies of sharded, event-sourced entities."""

    replicas: int = 0
    """Copies beside the primary."""
    min_acks: int = 0
    """Replicas that must have stored an event before its command is confirmed."""
    ack_timeout: float = 5.0
    """Seconds to wait for them."""

    def __post_init__(self) -> None:
        if self.replicas < 0 or not 0 <= self.min_acks <= self.replicas or self.ack_timeout <= 0:
            raise ValueError(f"replication needs 0 <= min_acks <= replicas and ack_timeout > 0: {self}")
