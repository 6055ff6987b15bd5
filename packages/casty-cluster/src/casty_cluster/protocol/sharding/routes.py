"""What a sender knows of each shard, found by shard and by node."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from casty.member import NodeId


class Home(NamedTuple):
    """Where a shard runs, and the epoch at which its owner accepts messages."""

    owner: NodeId
    epoch: int


@dataclass(slots=True)
class Route:
    """What a sender knows of a shard. `Routes.point` changes the homes."""

    shard: int
    home: Home | None = None
    leaving: bool = False
    """Whether messages wait until nothing is under way to this home any more."""
    stays: bool = False
    """Whether this is only because a message could not be sent: the home is the right one as far as is known."""
    flush: int | None = None
    """The number of the last flush of this home, while the reply is missing."""
    following: Home | None = None
    """The home after the one that is being left, if it is known already."""
    after: int = 0
    """Homes up to this epoch are of no use any more."""
    asked: bool = False
    """Whether the coordinator owes a reply."""
    used: bool = False
    """Whether messages may be under way to this home."""

    @property
    def open_home(self) -> Home | None:
        """Where messages go now."""
        return None if self.leaving else self.home

    @property
    def knows_home(self) -> bool:
        """Whether messages can go to a home that is known, or may be able to later."""
        return self.stays or self.open_home is not None or self.following is not None

    @property
    def homes(self) -> Iterator[Home]:
        return (home for home in (self.home, self.following) if home is not None)

    @property
    def why_leaving(self) -> str:
        assert self.home is not None
        if self.stays:
            return f"the node that it runs on, {self.home.owner}, cannot be reached, and has not been removed"
        return f"the shard moves, and its old home on {self.home.owner} has not returned all yet"

    @property
    def newest(self) -> int:
        """The highest epoch that is known."""
        return max(self.after, *(home.epoch for home in self.homes), 0)

    def validate(self) -> None:
        assert self.home is None or self.leaving or self.home.epoch > self.after, (
            f"back at a home that was left: {self}"
        )
        assert not self.leaving or (self.home and self.flush is not None), f"left without a flush: {self}"
        assert not self.stays or self.leaving, f"waits at a home that can be reached: {self}"
        assert self.following is None or (self.home and self.leaving), f"does not go to the following home: {self}"
        assert self.following is None or self.newest == self.following.epoch, f"the following home is old: {self}"


class Routes:
    """All routes of a sender."""

    def __init__(self) -> None:
        self._routes: dict[int, Route] = {}
        self._named: dict[NodeId, dict[int, Route]] = {}
        """Routes with a home on that node: a change of a node visits these only."""

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def get(self, shard: int) -> Route | None:
        return self._routes.get(shard)

    def of(self, shard: int) -> Route:
        route = self._routes.get(shard)
        if route is None:
            route = self._routes[shard] = Route(shard)
        return route

    def on(self, node: NodeId) -> list[Route]:
        """The routes with a home on that node."""
        return list(self._named.get(node, {}).values())

    @property
    def nodes(self) -> Iterable[NodeId]:
        """Nodes with a home on them."""
        return self._named.keys()

    def succeeded(self, shard: int, epoch: int, node: NodeId) -> NodeId | None:
        """The owner of the home at that epoch, if the node is another incarnation at its address."""
        route = self._routes.get(shard)
        home = None if route is None else route.home
        if home is None or home.epoch != epoch or home.owner == node or home.owner.address != node.address:
            return None
        return home.owner

    def point(self, route: Route, home: Home | None, following: Home | None) -> None:
        for old in route.homes:
            if (named := self._named.get(old.owner)) is not None:
                named.pop(route.shard, None)
                if not named:
                    del self._named[old.owner]
        route.home, route.following = home, following
        for new in route.homes:
            self._named.setdefault(new.owner, {})[route.shard] = route

    def validate(self) -> None:
        for route in self:
            route.validate()
            assert all(route.shard in self._named[home.owner] for home in route.homes), f"not found by node: {route}"
        assert all(self._named.values()), "a node without homes is listed"
