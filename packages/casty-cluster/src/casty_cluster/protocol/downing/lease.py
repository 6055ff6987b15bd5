"""The strategy `lease`: the side that gets a lease goes on. The only one that is right for a cluster of two.

The larger side, or of two halves the one with the lowest node, asks at once, the other ones a little later. Each asks
in the name of exactly those that would go on: any of them may ask, and nobody else gets the lease while it lasts.
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
    """Only members with this role count where it is asked which side is the larger one."""
    delay: float = 2.0
    """Seconds that the smaller side waits before it asks."""
    seconds: float = 40.0
    """How long the lease is held: longer than the others take to notice the split and to ask."""

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
        # Also one that this side calls unreachable, although it hears this side: without the lease it is out.
        lost = split.given_up(Verdict.give_up) | {view.local}
        going_on = split.everybody - split.given_up(Verdict.go_on)
        if split.contradictory or not going_on:
            return Down(split.everybody, f"{NAME}: no two members that are left reach each other for certain")
        return Acquire(
            store=self._options.url,
            lease=self._options.name,
            owner=sha256("\n".join(str(node) for node in sorted(going_on)).encode()).hexdigest(),
            seconds=self._options.seconds,
            delay=0.0 if self._comes_first(view, split) else self._options.delay,
            won=Down(split.given_up(Verdict.go_on), f"{NAME}: this side has got the lease {self._options.name!r}"),
            lost=Down(lost, f"{NAME}: this side has not got the lease {self._options.name!r}"),
        )

    def _comes_first(self, view: MembershipView, split: Split) -> bool:
        sides = Sides(with_role(view.members, self._options.role), split.unreachable)
        here, there = sides.here(), sides.there()
        if len(here) != len(there):
            return len(here) > len(there)
        return not there or here[0].node < there[0].node
