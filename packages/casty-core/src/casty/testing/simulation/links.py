"""What a connection between two hosts is like, in one direction."""

from dataclasses import dataclass
from random import Random
from typing import Final

RESENT: Final = 0.2
"""Seconds after which a lost packet is sent again; each further time takes twice as long."""
GIVEN_UP: Final = 60.0
"""Such a wait at which it arrives all the same."""
OVERTAKEN: Final = 0.05
"""Seconds by which a frame may be late that others overtake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """As over TCP, a frame that gets lost is sent again: it is late, with all behind it, but arrives once and in order.
    A `lossy` link does not hide that: frames vanish, come twice and overtake each other, which is more than a transport
    may do and no more than a careful protocol outlives.
    """

    delay: float = 0.000_5
    """Seconds that each frame takes."""
    jitter: float = 0.002
    """Seconds on top, on average: most take less, some much more."""
    loss: float = 0.0
    """The chance of a frame to get lost."""
    duplication: float = 0.0
    """The chance of a frame to arrive twice; on a lossy link only."""
    reordering: float = 0.0
    """The chance of a frame to be overtaken by those behind it; on a lossy link only."""
    bandwidth: float | None = None
    """Bytes a second; None: any number."""
    lossy: bool = False

    def delays(self, random: Random) -> list[float]:
        """When a frame that is sent now arrives, in seconds: each number is one arrival."""
        late = self.delay + (random.expovariate(1 / self.jitter) if self.jitter else 0.0)
        if not self.lossy:
            wait = RESENT
            while self.loss and wait < GIVEN_UP and random.random() < self.loss:
                late += wait
                wait *= 2
            return [late]
        if random.random() < self.loss:
            return []
        if random.random() < self.reordering:
            late += random.random() * OVERTAKEN
        return [late, late + random.random() * OVERTAKEN] if random.random() < self.duplication else [late]
