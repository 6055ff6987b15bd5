"""Decides how many appends to have under way at a time, by trying it out. Pure: the time is an argument.

With one, the event loop rests while the store works, and the store while the loop handles what the outcomes set off;
with several that take turns, neither does. But what waits is divided among them, so that the store commits more often,
and where a commit takes long, as on a slow disk, one large append serves all of them sooner. Only the speed tells: now
and then a round of appends is done the other way, and if that was clearly faster, it is the way from then on.
"""

from typing import Final

ROUND: Final = 12
"""Appends whose speed is measured together."""

CLEARLY: Final = 0.95
"""The part of the usual time that an event may take at most in a trial that wins."""

RAREST: Final = 32
"""Rounds from one trial to the next after many that have lost: each costs twice the time where commits are slow."""


class Pace:
    """That of one writer. `lanes` is how many appends there may be at a time: one, or as many as the store supports."""

    __slots__ = ("_appends", "_cost", "_events", "_most", "_pause", "_since", "_until_trial", "lanes")

    def __init__(self, most: int) -> None:
        self._most = most
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Appends begin, after a rest: what was found before may not be true any more."""
        self.lanes = 1
        self._cost = 0.0
        """What an event has taken lately, in seconds."""
        self._pause = self._until_trial = 1
        self._begin_round(now)

    def stored(self, events: int, now: float) -> None:
        """An append of so many events has ended."""
        self._events += events
        self._appends += 1
        if self._appends == ROUND:
            self._end_round((now - self._since) / self._events)
            self._begin_round(now)

    def _begin_round(self, now: float) -> None:
        self._since = now
        self._appends = self._events = 0

    def _end_round(self, cost: float) -> None:
        if self._until_trial:
            self._cost = cost
            self._until_trial -= 1
            if not self._until_trial:
                self._turn()
        elif cost < CLEARLY * self._cost:
            self._cost = cost
            self._pause = self._until_trial = 1
        else:
            self._turn()
            self._pause = self._until_trial = min(2 * self._pause, RAREST)

    def _turn(self) -> None:
        self.lanes = 1 + self._most - self.lanes
