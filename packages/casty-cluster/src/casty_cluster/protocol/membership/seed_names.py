"""Which node each configured seed name leads to.

A seed node may be configured by a name, or by an address of several, that differs from the one by which it calls
itself. The names say nothing about that, nor does a look-up, as a name may stand for a proxy or for several nodes. So
a joining node finds it out by probing: an answer contains the name that was probed and the node that has answered, and
the transport notices where a name leads to this very node.
"""

from collections.abc import Collection
from typing import final

from casty.address import PeerAddress


@final
class SeedNames:
    """What a joining node has found out so far."""

    def __init__(self, local: PeerAddress, seeds: Collection[PeerAddress]) -> None:
        self._local = local
        self._seeds = frozenset(seeds)
        self._own = {local}
        self._found: dict[PeerAddress, PeerAddress] = {}

    @property
    def are_literal(self) -> bool:
        """Whether this node's only seed is the very address by which it calls itself, or it has none."""
        return self._seeds <= {self._local}

    @property
    def asked(self) -> tuple[PeerAddress, ...]:
        """All seeds to probe. A name that has led to this node may lead to another one next time."""
        return tuple(sorted(self._seeds - {self._local}))

    @property
    def others(self) -> tuple[PeerAddress, ...]:
        """The seeds that have not led to this node."""
        return tuple(sorted(self._seeds - self._own))

    @property
    def is_seed(self) -> bool:
        """Whether this node is among its own seeds, by whichever name."""
        return bool(self._own & self._seeds)

    @property
    def own(self) -> PeerAddress:
        """The name of this node among the seeds, or its address where it is none of them."""
        return min(self._own & self._seeds, default=self._local)

    @property
    def seed_set(self) -> tuple[PeerAddress, ...]:
        """This node and its seeds, as configured: nodes with the same seeds have the same seed set."""
        return tuple(sorted({self.own, *self.others}))

    def address(self, name: PeerAddress) -> PeerAddress:
        """The address by which the node with this name calls itself, as far as is known."""
        return self._local if name in self._own else self._found.get(name, name)

    @property
    def resolved(self) -> tuple[PeerAddress, ...]:
        """The seed set with each node's own address in the place of its name, as far as the nodes have answered."""
        return tuple(sorted(set(map(self.address, self.seed_set))))

    def answered(self, name: PeerAddress, by: PeerAddress) -> None:
        """The node that calls itself `by` has answered at that name."""
        if name in self._seeds and name != self._local and by != self._local:
            self._own.discard(name)
            self._found[name] = by

    def is_own(self, name: PeerAddress) -> None:
        """That name leads to this node."""
        if name in self._seeds:
            self._own.add(name)
            self._found.pop(name, None)
