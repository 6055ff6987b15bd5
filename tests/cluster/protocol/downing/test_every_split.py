"""Every way in which a cluster of up to six can fall apart: never two sides go on.

The conformance kit does the same for up to five members; this goes further, and counts how often no side survives. Run
as a program, it prints the table of `docs/downing.md`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, islice, permutations, product
from random import Random
from typing import override

import pytest
from casty.member import NodeId
from casty.spi.downing import Down, DowningStrategy, MembershipView
from casty.testing.conformance.downing.worlds import (
    Link,
    World,
    clean_splits,
    cut_directions,
    cut_links,
    members,
    outcomes,
)

from tests.cluster.protocol.downing.strategies import STRATEGIES


@dataclass(frozen=True)
class ViewedWorld(World):
    """One whose views are known: they are the same for each strategy, and take longer to find than a decision."""

    views: Mapping[NodeId, MembershipView]

    @classmethod
    def of(cls, world: World) -> "ViewedWorld":
        return cls(world.members, world.links, {node: world.view(node) for node in world.nodes})

    @override
    def view(self, node: NodeId) -> MembershipView:
        return self.views[node]


@cache
def viewed(worlds: Callable[[], Iterable[World]]) -> Sequence[ViewedWorld]:
    return [ViewedWorld.of(world) for world in worlds()]


def sides_that_go_on(world: World, strategy: DowningStrategy) -> Iterator[int]:
    """How many, in each of the outcomes that are possible."""
    for outcome in outcomes(world, strategy.decide):
        yield len(set(outcome.values()))


def wrong(worlds: Iterable[World], strategy: DowningStrategy) -> list[str]:
    return [str(world) for world in worlds if max(sides_that_go_on(world, strategy)) > 1]


def all_clean_splits() -> Iterator[World]:
    for count in range(2, 8):
        yield from clean_splits(count)


def some_cut_links_among_six() -> Iterator[World]:
    """Each 16th of the 32,768 ways; the program tries all."""
    return islice(cut_links(6), 7, None, 16)


def all_directions_cut_among_four() -> Iterator[World]:
    return cut_directions(4)


def some_directions_cut_among_six() -> Iterator[World]:
    random, all_members = Random(6), members(6)
    links = list(permutations([member.node for member in all_members], 2))
    for _ in range(1_000):
        share = random.choice((0.5, 0.7, 0.85, 0.95))
        yield World(all_members, frozenset(link for link in links if random.random() < share))


@dataclass(frozen=True)
class AgedWorld(World):
    """One in which some links were cut, and observed to be, before the others were."""

    before: frozenset[Link]

    @override
    def view(self, node: NodeId) -> MembershipView:
        """The observations of members that cannot be reached any more are those from before."""
        now, earlier = World(self.members, self.links).view(node), World(self.members, self.before).view(node)
        heard = set(self._heard_by(node))
        old = {observer: missed for observer, missed in earlier.observations.items() if observer not in heard}
        rows = {**now.observations, **old}
        return replace(now, observations=rows, unreachable=frozenset[NodeId]().union(*rows.values()))


def in_both_directions(pairs: Iterable[Link]) -> frozenset[Link]:
    return frozenset(link for one, other in pairs for link in ((one, other), (other, one)))


def aged_worlds(count: int) -> Iterator[AgedWorld]:
    """Each link is cut before, cut now, or there."""
    all_members = members(count)
    pairs = list(combinations([member.node for member in all_members], 2))
    for states in product((0, 1, 2), repeat=len(pairs)):
        by_state = list(zip(pairs, states, strict=True))
        now, before = ([pair for pair, state in by_state if state >= least] for least in (2, 1))
        yield AgedWorld(all_members, in_both_directions(now), in_both_directions(before))


def one_split_after_another_among_four() -> Iterator[World]:
    return aged_worlds(4)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(
    "worlds",
    [
        all_clean_splits,
        some_cut_links_among_six,
        all_directions_cut_among_four,
        some_directions_cut_among_six,
        one_split_after_another_among_four,
    ],
    ids=lambda worlds: worlds.__name__,
)
def test_never_two_sides_go_on(name: str, worlds: Callable[[], Iterator[World]]) -> None:
    assert wrong(viewed(worlds), STRATEGIES[name]) == []


class AutoDown:
    """Downs all unreachable members, wherever it is asked."""

    def decide(self, view: MembershipView) -> Down:
        return Down(view.unreachable, "unreachable")


def test_two_sides_would_be_noticed() -> None:
    assert len(wrong(clean_splits(3), AutoDown())) == 4


def main() -> None:
    """All clean splits of five and six, and all ways to cut links among six: how often no side, or one, survives."""
    worlds = {"clean splits of 5": list(clean_splits(5)), "clean splits of 6": list(clean_splits(6))}
    worlds |= {"cut links among 6": list(cut_links(6))}
    for name, strategy in STRATEGIES.items():
        for what, each in worlds.items():
            counted = Counter(max(sides_that_go_on(world, strategy)) for world in each)
            none = counted[0] / len(each)
            print(f"{name:28} {what:20} none survives: {none:6.1%}   two sides: {len(each) - counted[0] - counted[1]}")


if __name__ == "__main__":
    main()
