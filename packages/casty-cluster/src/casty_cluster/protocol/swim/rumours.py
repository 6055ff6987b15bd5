"""The rumours that a node passes on: each a limited number of times, those that were told least often first."""

from math import ceil, log10
from typing import Final

from casty_cluster.wire.swim import Rumour

TELLINGS: Final = 4
"""Times that a rumour is told for each decimal digit of the cluster's size: enough to reach everybody."""


class Rumours:
    """At most one for each subject: the latest."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, Rumour]] = {}

    def __bool__(self) -> bool:
        return bool(self._told)

    def spread(self, rumour: Rumour) -> None:
        """Tell it, and no older one of the same subject."""
        self._told.pop(rumour.subject, None)
        self._told[rumour.subject] = (0, rumour)

    def forget(self, subject: int) -> None:
        self._told.pop(subject, None)

    def take(self, members: int, room: int) -> list[Rumour]:
        """What goes into one message, counted as told. `members` are all nodes of the cluster."""
        limit = TELLINGS * ceil(log10(members + 1))
        taken = sorted(self._told.values(), key=lambda told: told[0])[:room]
        for times, rumour in taken:
            if times + 1 < limit:
                self._told[rumour.subject] = (times + 1, rumour)
            else:
                del self._told[rumour.subject]
        return [rumour for _, rumour in taken]
