"""How many copies of a shard's entities are kept, and how many must confirm a write."""

from dataclasses import dataclass
from typing import cast

from casty.errors import ArgumentError
from casty.quantities import check_count, checked_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationConfig:
    """Passive copies of sharded, event-sourced entities."""

    replicas: int = 0
    """Copies beside the primary."""
    min_acks: int = 0
    """Replicas that must have stored an event before its command is confirmed."""
    ack_timeout: float = 5.0
    """Seconds to wait for them."""
    spread: str = ""
    """Prefix of a role, such as `zone:`: the copies go to nodes with different roles of that prefix, where there are
    such. Empty: any nodes.
    """

    def __post_init__(self) -> None:
        check_count(self.replicas, "replicas of ReplicationConfig", 0)
        check_count(self.min_acks, "min_acks of ReplicationConfig", 0)
        checked_seconds(self.ack_timeout, "ack_timeout of ReplicationConfig", zero=False)
        if not isinstance(cast("object", self.spread), str):
            raise ArgumentError(f"spread of ReplicationConfig is the prefix of a role, not {self.spread!r}")
        if self.min_acks > self.replicas:
            raise ArgumentError(f"replication needs 0 <= min_acks <= replicas: {self}")
