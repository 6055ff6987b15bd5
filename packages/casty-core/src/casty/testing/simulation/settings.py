"""What a run may be told, beside its seed."""

from dataclasses import dataclass, field

from casty.testing.simulation.links import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a simulation behaves where the scenario says nothing else."""

    seconds: float = 3_600.0
    """Virtual time after which a scenario that still runs has failed."""
    steps: int = 5_000_000
    """Callbacks after which it has failed."""
    in_order: bool = False
    """Whether the callbacks of one process are run in the order in which they were scheduled, as asyncio promises. By
    default any ready one may be the next: what works in any order works in that one too, and finds more faults.
    """
    link: Link = field(default_factory=Link)
    """What the network between any two hosts is like."""
