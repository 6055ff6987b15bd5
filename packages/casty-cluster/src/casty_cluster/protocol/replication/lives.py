"""Which start of each copy was its last one, as far as any copy knows: so an old disk that is put back is found out.

Theory of operation. A backup has forgotten promises and events that its copy has acknowledged since. Nothing on it says
so. Therefore a copy counts its starts on its disk, draws a token at each, and names both with its promise; primaries
tell all copies what they know of all others. A disk from before a start that others know of starts with a lower number,
or with the same number and another token. Its promise does not count, and it learns why: then its shell drops it, and
the node gets an empty copy, like one whose disk was wiped.

What no copy knows of cannot be found out: a disk is as good as the last start of it that the promising copies know.
"""

from typing import Final, NamedTuple

from casty_cluster.wire.replication import CopyId, KnownLives

CONFLICT: Final = -1
"""The token of a start that two disks of one name claim: neither may be believed."""


class Life(NamedTuple):
    """One start of a copy."""

    starts: int
    """How many there have been, with this one."""
    token: int


NEVER: Final = Life(0, 0)


class Lives:
    """The last start of each copy."""

    __slots__ = ("_last",)

    def __init__(self, known: KnownLives = ()) -> None:
        self._last: dict[CopyId, Life] = {}
        self.add(known)

    def __getitem__(self, copy: CopyId) -> Life:
        return self._last.get(copy, NEVER)

    def add(self, known: KnownLives) -> bool:
        """Returns whether any of it is new."""
        before = dict(self._last)
        for copy, starts, token in known:
            self._last[copy] = _later(self[copy], Life(starts, token))
        return self._last != before

    def is_outdated(self, copy: CopyId, life: Life) -> bool:
        """Whether a later start of the copy is known, or another one of the same number."""
        last = self[copy]
        return last.starts > life.starts or (last.starts == life.starts and last.token != life.token)

    @property
    def known(self) -> KnownLives:
        return tuple((copy, life.starts, life.token) for copy, life in self._last.items())

    def besides(self, copy: CopyId) -> KnownLives:
        """What is known of all other copies."""
        return tuple(known for known in self.known if known[0] != copy)


def _later(one: Life, other: Life) -> Life:
    if one.starts == other.starts and one.token != other.token:
        return Life(one.starts, CONFLICT)
    return max(one, other)
