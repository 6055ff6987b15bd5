"""Several nodes in one process, for experiments and for tests of failures."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import Any, Self

from casty_cluster.client.client import ClusterClient
from casty_cluster.development.switchboard import SCHEME, Switchboard
from casty_cluster.system import ClusteredActorSystem


class DevelopmentCluster:
    """`async with DevelopmentCluster(3) as (first, second, third):` — nodes that have found each other.

    Iterating yields the nodes that are running, in the order in which they were started. `settings` are arguments for
    each `ClusteredActorSystem`, such as `config` or `plugins`.
    """

    def __init__(self, size: int = 3, *, name: str = "development", **settings: Any) -> None:
        if size < 1:
            raise ValueError(f"a cluster has at least one node: {size}")
        self._size = size
        self._name = name
        self._settings = settings
        self._numbers = count(1)
        self._board = Switchboard()
        self._nodes: dict[ClusteredActorSystem, AsyncExitStack] = {}

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self._size):
                await self.add_node()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    def __iter__(self) -> Iterator[ClusteredActorSystem]:
        return iter(list(self._nodes))

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, index: int) -> ClusteredActorSystem:
        return list(self._nodes)[index]

    async def add_node(self, **settings: Any) -> ClusteredActorSystem:
        """Add a node; it is up on all nodes when this returns. Nodes that have left are dropped."""
        for left in [node for node in self if not node.is_running]:
            await self._nodes.pop(left).aclose()
        number = next(self._numbers)
        arguments: dict[str, Any] = {
            "name": self._name,
            "host": f"node-{number}",
            "port": 0,
            "node_id": f"node-{number}",
            "seed_nodes": [node.self_node.address for node in self],
            "transport": SCHEME,
            **self._settings,
            **settings,
        }
        arguments["plugins"] = [self._board, *arguments.get("plugins", ())]
        system = ClusteredActorSystem(**arguments)
        stack = AsyncExitStack()
        await stack.enter_async_context(system)
        self._nodes[system] = stack
        expected = len(self._nodes)
        for node in self:
            await node.wait_for(expected)
        return system

    @property
    def network(self) -> object:
        """The plugin that is the network between these nodes: what else shall be on it needs it among its `plugins`."""
        return self._board

    def client(self, **settings: Any) -> ClusterClient:
        """A client of this cluster, to be used with `async with`."""
        plugins = [self._board, *settings.pop("plugins", ())]
        points = [node.self_node.address for node in self]
        arguments: dict[str, Any] = {"contact_points": points, "system_name": self._name, "transport": SCHEME}
        return ClusterClient(**{**arguments, **settings}, plugins=plugins)

    def partition(self, *sides: Sequence[int]) -> None:
        """Cut the network between groups of nodes, given by their positions: `partition([0], [1, 2])`.

        Nodes that are in none of the groups form a group of their own.
        """
        nodes = [node.self_node.address for node in self]
        self._board.divide([[nodes[index] for index in side] for side in sides])

    def heal(self) -> None:
        """Heal all partitions."""
        self._board.divide([])

    async def kill(self, index: int) -> None:
        """Silence a node as if its process had been killed, and drop it."""
        system = self[index]
        stack = self._nodes.pop(system)
        system.node.fall_silent()
        await stack.aclose()

    async def _close(self) -> None:
        while self._nodes:
            _, stack = self._nodes.popitem()
            await stack.aclose()
