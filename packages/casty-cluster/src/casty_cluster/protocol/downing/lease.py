"""The strategy `lease`: the side that gets a lease survives. The only right one for a cluster of two nodes.

The larger side, or of two halves the one with the lowest node, requests the lease at once, the other sides a little
later. Each requests it in the name of exactly those members that would survive: any of them may request it, and no
other member gets it while it lasts.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, final

from casty.spi.downing import Acquire, Decision, Down, MembershipView

from casty_cluster.protocol.downing.sides import Sides, Split, Verdict, with_role

NAME: Final = "lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseMajorityOptions:
    url: str
    """The lease store: `postgresql://user@host/database`."""
    name: str = "downing"
    """The lease's name within this cluster."""
    role: str | None = None
    """Only members with this role count in the comparison of the sides."""
    delay: float = 2.0
    """Seconds that the smaller side waits before it requests the lease."""
    seconds: float = 40.0
    """How long the lease is held: longer than the other sides take to notice the partition and to request it."""

    def __post_init__(self) -> None:
        if "://" not in self.url:
            raise ValueError(f"url must name a lease store, such as postgresql://host/database; it is {self.url!r}")
        if not self.name:
            raise ValueError("name must be a text that is not empty")
        if not 0 <= self.delay < self.seconds < float("inf"):
            raise ValueError(
                f"delay and seconds must be 0 <= delay < seconds; they are {self.delay} and {self.seconds}"
            )


@final
class LeaseMajority:
    """See `casty.spi.downing.LeasingStrategy`."""

    def __init__(self, options: LeaseMajorityOptions) -> None:
        self._options = options

    @property
    def store(self) -> str:
        """See `casty.spi.downing.LeasingStrategy`."""
        return self._options.url

    def decide(self, view: MembershipView) -> Decision:
        if not view.unreachable:
            return None
        split = Split.of(view)
        # This node as well where it is on the far side of its own view: without the lease it has to be out.
        lost = split.downed(Verdict.downed) | {view.local}
        survivors = split.all_members - split.downed(Verdict.survives)
        if split.contradictory or not survivors:
            return Down(split.all_members, f"{NAME}: no two remaining members reach each other for certain")
        return Acquire(
            store=self._options.url,
            lease=self._options.name,
            owner=sha256("\n".join(str(node) for node in sorted(survivors)).encode()).hexdigest(),
            seconds=self._options.seconds,
            delay=0.0 if self._comes_first(view, split) else self._options.delay,
            won=Down(split.downed(Verdict.survives), f"{NAME}: this side has got the lease {self._options.name!r}"),
            lost=Down(lost, f"{NAME}: this side has not got the lease {self._options.name!r}"),
        )

    def _comes_first(self, view: MembershipView, split: Split) -> bool:
        sides = Sides(with_role(view.members, self._options.role), split.unreachable)
        here, there = sides.here(), sides.there()
        if len(here) != len(there):
            return len(here) > len(there)
        return not there or here[0].node < there[0].node
