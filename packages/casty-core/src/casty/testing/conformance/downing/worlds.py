"""Small clusters with cut links: the view of each node, and the survivors once all have decided."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, permutations
from string import ascii_uppercase

from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Acquire, Decision, Down, MembershipView

type Link = tuple[NodeId, NodeId]
"""Frames of the first node reach the second."""


def members(count: int) -> list[Member]:
    """The nodes a, b, c … in the order of their addresses, all up, with ages in another order."""
    return [
        Member(
            node=NodeId(name.lower(), 2552, 1000 - number),
            node_id=name,
            status=MemberStatus.up,
            up_number=(number + 3) % count + 1,
        )
        for number, name in enumerate(ascii_uppercase[:count])
    ]


@dataclass(frozen=True)
class World:
    """A cluster and its remaining links."""

    members: Sequence[Member]
    links: Set[Link]

    @property
    def nodes(self) -> list[NodeId]:
        return [member.node for member in self.members]

    def view(self, node: NodeId) -> MembershipView:
        """A node's view once gossip has spread as far as it can."""
        observations = {observer: missed for observer in self._heard_by(node) if (missed := self._missed_by(observer))}
        unreachable = frozenset[NodeId]().union(*observations.values())
        return MembershipView(local=node, members=self.members, unreachable=unreachable, observations=observations)

    def reaches(self, one: NodeId, other: NodeId) -> bool:
        """Whether they reach each other directly, in both directions."""
        return (one, other) in self.links and (other, one) in self.links

    def __str__(self) -> str:
        names = {member.node: member.node_id for member in self.members}
        cuts = [f"{names[a]}->{names[b]}" for a, b in permutations(self.nodes, 2) if (a, b) not in self.links]
        return f"{len(names)} members without {', '.join(cuts) or 'any cut'}"

    def _missed_by(self, observer: NodeId) -> Set[NodeId]:
        return frozenset(node for node in self.nodes if node != observer and (node, observer) not in self.links)

    def _heard_by(self, node: NodeId) -> list[NodeId]:
        """The nodes whose observations reach it, directly or through others."""
        heard, todo = {node: None}, [node]
        while todo:
            to = todo.pop()
            for sender in self.nodes:
                if sender not in heard and (sender, to) in self.links:
                    heard[sender] = None
                    todo.append(sender)
        return list(heard)


def clean_splits(count: int) -> Iterator[World]:
    """All ways in which `count` members can split into groups, including no split at all."""
    cluster = members(count)

    def groupings(nodes: Sequence[NodeId]) -> Iterator[list[list[NodeId]]]:
        if not nodes:
            yield []
            return
        for grouping in groupings(nodes[1:]):
            yield [[nodes[0]], *grouping]
            for number, group in enumerate(grouping):
                yield [*grouping[:number], [nodes[0], *group], *grouping[number + 1 :]]

    for grouping in groupings([member.node for member in cluster]):
        yield World(cluster, frozenset(link for group in grouping for link in permutations(group, 2)))


def cut_links(count: int) -> Iterator[World]:
    """All ways to cut links in both directions."""
    cluster = members(count)
    pairs = list(combinations([member.node for member in cluster], 2))
    for chosen in range(2 ** len(pairs)):
        left = [pair for number, pair in enumerate(pairs) if chosen >> number & 1]
        yield World(cluster, frozenset(link for one, other in left for link in ((one, other), (other, one))))


def cut_directions(count: int) -> Iterator[World]:
    """All ways to cut links, including in one direction only."""
    cluster = members(count)
    links = list(permutations([member.node for member in cluster], 2))
    for chosen in range(2 ** len(links)):
        yield World(cluster, frozenset(link for number, link in enumerate(links) if chosen >> number & 1))


type Outcome = Mapping[NodeId, Set[NodeId]]
"""By surviving node, the cluster that it survives with."""


def outcomes(world: World, decide: Callable[[MembershipView], Decision]) -> Iterator[Outcome]:
    """All possible outcomes of a world: several if a lease decides, which any side may get."""
    decisions = {node: decide(world.view(node)) for node in world.nodes}
    owners = sorted({decision.owner for decision in decisions.values() if isinstance(decision, Acquire)})
    for winner in owners or [""]:
        downs = {node: _carried_out(decision, winner) for node, decision in decisions.items()}
        yield {
            node: frozenset(world.nodes) - (down.nodes if down else frozenset())
            for node, down in downs.items()
            if down is None or node not in down.nodes
        }


def _carried_out(decision: Decision, winner: str) -> Down | None:
    if isinstance(decision, Acquire):
        return decision.won if decision.owner == winner else decision.lost
    return decision
