"""How long a suspect has to refute the rumours about it.

Lifeguard's suspicion: long while only one node accuses, shorter with each further one that finds the same by itself,
the first of them counting most. Where there are too few nodes to confirm anything, it is short from the start.
"""

from dataclasses import dataclass
from math import log, log10
from typing import Final, Self

LONGEST: Final = 6
"""Times the shortest time: what one accuser alone gets."""


@dataclass(slots=True, kw_only=True)
class Suspicion:
    """Against one incarnation of a node."""

    began: float
    shortest: float
    """Seconds until the suspect counts as dead, once enough accusers agree."""
    wanted: int
    """Further accusers that are enough."""
    accusers: dict[int, None]
    """The first one and those that have confirmed it."""
    deadline: float
    """When the suspect counts as dead."""

    @classmethod
    def against(cls, accuser: int, *, members: int, periods: int, period: float, now: float) -> Self:
        """`members` are all nodes of the cluster, `periods` the option `suspicion_mult`."""
        wanted = periods - 2 if 0 < periods - 2 <= members - 2 else 0
        shortest = periods * max(1.0, log10(members)) * period
        return cls(
            began=now,
            shortest=shortest,
            wanted=wanted,
            accusers={accuser: None},
            deadline=now + (LONGEST * shortest if wanted else shortest),
        )

    def confirm(self, accuser: int, now: float) -> bool:
        """Whether that is news."""
        if accuser in self.accusers or len(self.accusers) > self.wanted:
            return False
        self.accusers[accuser] = None
        agreement = log(len(self.accusers)) / log(self.wanted + 1)
        longest = LONGEST * self.shortest
        # Not in the past: nothing that was due has been missed.
        self.deadline = max(now, self.began + longest - agreement * (longest - self.shortest))
        return True

    def move_on(self, gap: float) -> None:
        """As if the last `gap` seconds had not been."""
        self.began += gap
        self.deadline += gap
