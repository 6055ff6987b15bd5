"""The network between the hosts: which ways are open, and their delays. It does not know connections."""

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
    """Closed ways, from its creation until it is healed; a context manager, which heals."""

    ways: frozenset[Way]
    reset: bool
    """Whether connections break immediately. Otherwise neither end is notified, as if a cable had been pulled."""
    network: "Network" = field(repr=False)

    def heal(self) -> None:
        """Open the ways. Does nothing if it is healed already."""
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
        """Called after every frame that a host has received."""
        self.link = link
        """The link of every way that has none of its own."""
        self.endpoints: dict[PeerAddress, SimulatedTransport] = {}
        """The listening endpoints, by address."""
        self.changed: list[Callable[[], object]] = []
        """Called after every change of ways or hosts."""
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
        """Close the ways from the first side to the other, and back unless `one_way`, until the cut is healed."""
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
        """Whether this way is open."""
        return not self._cuts_of(source, target)

    def resets(self, source: str, target: str) -> bool:
        """Whether connection attempts on this way are refused immediately."""
        return any(cut.reset for cut in self._cuts_of(source, target))

    def _cuts_of(self, source: str, target: str) -> Sequence[Cut]:
        return [cut for cut in self._cuts if (source, target) in cut.ways] if self._cuts else ()

    def delays(self, source: str, target: str) -> list[float]:
        """Delays of a small packet sent now, in seconds: one number per arrival."""
        return self.link_of(source, target).delays(self.random)

    def tell(self) -> None:
        """Notify listeners of a change."""
        for tell in list(self.changed):
            tell()
