"""The order in which members are probed: a random one, in which all have their turns again and again.

SWIM shuffles anew after each round, and so one member may be probed up to two rounds after another. A node that is cut
off from all would notice some long after the others, and decide meanwhile which side survives (see `split`). Here a
node notices one member per period, until it has noticed all.
"""

from collections.abc import Iterator, Mapping, Set
from random import Random


class Turns:
    """The uids of the other members."""

    __slots__ = ("_next", "_order", "_random")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._order: list[int] = []
        self._next = 0

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def update(self, members: Mapping[int, object]) -> None:
        """These are the members now; a new one gets a place among the turns of this round that are still to come."""
        self._next = sum(uid in members for uid in self._order[: self._next])
        self._order = [uid for uid in self._order if uid in members]
        known = set(self._order)
        for uid in members:
            if uid not in known:
                self._order.insert(self._random.randint(self._next, len(self._order)), uid)

    def take(self) -> int:
        """Return the next one. There must be one."""
        if self._next >= len(self._order):
            self._next = 0
        self._next += 1
        return self._order[self._next - 1]

    def some(self, count: int, *, but: Set[int] = frozenset()) -> list[int]:
        """Draw so many at random without `but`, or as many as there are."""
        drawn = self._random.sample(self._order, min(len(self._order), count + len(but)))
        return [uid for uid in drawn if uid not in but][:count]
