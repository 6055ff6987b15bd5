"""The network between the hosts: who can reach whom, and how long it takes. It knows nothing of connections."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from casty.address import PeerAddress
from casty.testing.simulation.links import Link

if TYPE_CHECKING:
    from casty.testing.simulation.transport import SimulatedTransport

type Way = tuple[str, str]
"""From one host to another, by their names."""


@dataclass(eq=False, slots=True)
class Cut:
    """Ways on which nothing gets through, from its making to its healing; a context manager, which heals."""

    ways: frozenset[Way]
    reset: bool
    """Whether connections break at once. Else nobody is told, as if a cable had been pulled."""
    network: "Network" = field(repr=False)

    def heal(self) -> None:
        """Nothing happens if it is healed already."""
        self.network.mend(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.heal()


class Network:
    """Directed ways between hosts. Cuts add up: a way is open when no cut of it is left."""

    def __init__(self, random: Random, link: Link, delivered: Callable[[], object]) -> None:
        self.random = random
        self.delivered = delivered
        """Called after every frame that a host has taken."""
        self.link = link
        """What every way is like that has no link of its own."""
        self.endpoints: dict[PeerAddress, SimulatedTransport] = {}
        """Who listens where."""
        self.changed: list[Callable[[], object]] = []
        """Called after every change of who reaches whom, or who lives."""
        self._links: dict[Way, Link] = {}
        self._cuts: list[Cut] = []

    def set_link(self, source: str, target: str, link: Link, *, both_ways: bool = True) -> None:
        """Give a way a link of its own."""
        self._links[source, target] = link
        if both_ways:
            self._links[target, source] = link

    def link_of(self, source: str, target: str) -> Link:
        return self._links.get((source, target), self.link)

    def partition(
        self, side: Iterable[str], other: Iterable[str], *, one_way: bool = False, reset: bool = False
    ) -> Cut:
        """Let nothing through from the first side to the other, nor back unless `one_way`, until the cut is healed."""
        ways = {(a, b) for a in side for b in tuple(other) if a != b}
        if not one_way:
            ways |= {(b, a) for a, b in ways}
        cut = Cut(frozenset(ways), reset, self)
        self._cuts.append(cut)
        self.tell()
        return cut

    def mend(self, cut: Cut) -> None:
        """See `Cut.heal`."""
        if cut in self._cuts:
            self._cuts.remove(cut)
            self.tell()

    def heal(self) -> None:
        """End all cuts."""
        if self._cuts:
            self._cuts.clear()
            self.tell()

    def is_open(self, source: str, target: str) -> bool:
        """Whether what is sent on this way gets through."""
        return not self._cuts_of(source, target)

    def resets(self, source: str, target: str) -> bool:
        """Whether who tries this way is refused at once."""
        return any(cut.reset for cut in self._cuts_of(source, target))

    def _cuts_of(self, source: str, target: str) -> Sequence[Cut]:
        return [cut for cut in self._cuts if (source, target) in cut.ways] if self._cuts else ()

    def delays(self, source: str, target: str) -> list[float]:
        """When something small that is sent now arrives, in seconds: each number is one arrival."""
        return self.link_of(source, target).delays(self.random)

    def tell(self) -> None:
        """Something has changed."""
        for tell in list(self.changed):
            tell()
