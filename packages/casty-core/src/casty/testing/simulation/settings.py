"""The settings of a run, apart from its seed."""

from dataclasses import dataclass, field

from casty.testing.simulation.links import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits and defaults of a simulation."""

    seconds: float = 3_600.0
    """Virtual seconds after which a scenario that is still running has failed."""
    steps: int = 5_000_000
    """Number of callbacks after which it has failed."""
    in_order: bool = False
    """Whether the callbacks of one process run in the order in which they were scheduled, as asyncio guarantees. By
    default any ready one may be next, which finds more faults: code that works in any order works in that one too.
    """
    link: Link = field(default_factory=Link)
    """The default link between two hosts."""
