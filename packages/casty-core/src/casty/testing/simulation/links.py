"""The properties of a connection between two hosts, in one direction."""

from dataclasses import dataclass
from random import Random
from typing import Final

RESENT: Final = 0.2
"""Seconds after which a lost packet is resent; the delay doubles each time."""
LONGEST_RESEND: Final = 60.0
"""The resend delay at which a packet arrives in any case."""
OVERTAKEN: Final = 0.05
"""Largest delay of a reordered frame, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """As over TCP, a lost frame is resent: it and the frames behind it are late, but arrive once and in order.
    A `lossy` link drops, duplicates and reorders frames, which is more than a transport may do; use it for protocols
    that must tolerate that.
    """

    delay: float = 0.000_5
    """Least delay of each frame, in seconds."""
    jitter: float = 0.002
    """Average additional delay, in seconds: most frames take less, some much more."""
    loss: float = 0.0
    """Probability that a frame is lost."""
    duplication: float = 0.0
    """Probability that a frame arrives twice; on a lossy link only."""
    reordering: float = 0.0
    """Probability that later frames overtake a frame; on a lossy link only."""
    bandwidth: float | None = None
    """Bytes per second; None: unlimited."""
    lossy: bool = False

    def delays(self, random: Random) -> list[float]:
        """Delays of a frame sent now, in seconds: one number per arrival."""
        late = self.delay + (random.expovariate(1 / self.jitter) if self.jitter else 0.0)
        if not self.lossy:
            wait = RESENT
            while self.loss and wait < LONGEST_RESEND and random.random() < self.loss:
                late += wait
                wait *= 2
            return [late]
        if random.random() < self.loss:
            return []
        if random.random() < self.reordering:
            late += random.random() * OVERTAKEN
        return [late, late + random.random() * OVERTAKEN] if random.random() < self.duplication else [late]
