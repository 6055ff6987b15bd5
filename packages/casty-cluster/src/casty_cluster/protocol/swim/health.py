"""How far a node trusts itself: Lifeguard's local health (Dadgar, Phillips, Currey 2018).

A node that hears nothing may be deaf itself. Each sign of that raises its score, each good probe lowers it, and the
higher the score, the longer it waits before it says anything about others.
"""

from typing import Final

WORST: Final = 8


class LocalHealth:
    """A score from 0, healthy, to `WORST`."""

    __slots__ = ("score",)

    def __init__(self) -> None:
        self.score = 0

    def worsen(self, by: int = 1) -> None:
        self.score = min(self.score + by, WORST)

    def improve(self) -> None:
        self.score = max(self.score - 1, 0)

    def stretched(self, seconds: float) -> float:
        """How long to wait where a healthy node would wait `seconds`."""
        return seconds * (self.score + 1)
