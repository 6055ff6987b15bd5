"""Clusters of real processes, and what is true of all their nodes."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from tests.chaos.cluster.network import HOST, Network
from tests.chaos.cluster.process import NodeProcess
from tests.examples.programs import ROOT

LINE = 64 << 20
"""Bytes that one line of a node may have: an answer may tell of many asks."""
RANKS = {"joining": 0, "up": 1, "leaving": 2, "down": 3, "removed": 4}


class Cluster:
    """Nodes `n1` to `nN` that are each other's seed nodes, with the settings that users get. `n1` is the oldest."""

    def __init__(
        self, network: Network, names: Collection[str], folder: Path, program: str, settings: dict[str, Any]
    ) -> None:
        self.network = network
        self.nodes: dict[str, NodeProcess] = {}
        """The newest process of each name."""
        self._names = names
        self._folder = folder
        self._program = program
        self._settings = settings
        self.processes: list[NodeProcess] = []
        """All that there have been."""
        self._heard = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def of(
        cls,
        size: int,
        folder: Path,
        *,
        network: type[Network] = Network,
        program: str = "tests.chaos.cluster.node",
        spare: int = 0,
        **settings: Any,
    ) -> AsyncGenerator[Self]:
        """A cluster of `size` nodes that are all up, and addresses for `spare` more. Where it fails, everything that
        its nodes have said is printed. `program` is the module that each node runs.
        """
        names = [f"n{number}" for number in range(1, size + spare + 1)]
        async with network.between(names) as between:
            cluster = cls(between, names, folder, program, settings)
            try:
                for name in names[:size]:
                    await cluster.start(name)
                await cluster.is_one()
                assert list(cluster.running) == names[:size], "some have ended by themselves"
                yield cluster
            except BaseException:
                cluster.print_everything()
                raise
            finally:
                await asyncio.gather(*(node.kill() for node in cluster.processes))

    def __getitem__(self, name: str) -> NodeProcess:
        return self.nodes[name]

    @property
    def running(self) -> dict[str, NodeProcess]:
        return {name: node for name, node in self.nodes.items() if node.is_running}

    async def start(self, name: str, **settings: Any) -> NodeProcess:
        """A process at that node's address."""
        port, advertised = self.network.port_behind(name), self.network.port(name)
        node = self.nodes[name] = await self._launch(name, {"port": port, "advertised_port": advertised, **settings})
        self.network.pids[name] = node.pid
        return node

    async def start_stranger(self, name: str, **settings: Any) -> NodeProcess:
        """A process at an address of its own, which is not counted among the nodes."""
        return await self._launch(name, {"port": 0, **settings})

    async def _launch(self, name: str, settings: dict[str, Any]) -> NodeProcess:
        seeds = [(HOST, self.network.port(seed)) for seed in self._names]
        arguments = {"node_id": name, "seed_nodes": seeds, **self._settings, **settings}
        log = self._folder / f"{name}-{len(self.processes)}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._program, json.dumps(arguments)),
                cwd=ROOT,
                stdin=PIPE,
                stdout=PIPE,
                stderr=stderr,
                limit=LINE,
            )
        node = NodeProcess(name, process, log, self._heard)
        self.processes.append(node)
        return node

    async def singleton(self) -> str:
        """Where it is, as all running nodes find it."""
        [place] = {await node.do("ask", path="/single") for node in self.running.values()}
        assert [name for name, node in self.running.items() if node.has_singleton] == [place]
        return place

    async def until(self, condition: Callable[[], bool], within: float) -> None:
        """Wait for the nodes to have said what makes the condition true. Raises TimeoutError."""
        async with asyncio.timeout(within), self._heard:
            await self._heard.wait_for(condition)

    async def is_one(self, within: float = 30.0) -> None:
        """Wait until all running nodes see each other up in one cluster, with one leader and one singleton."""
        await self.until(self._is_one, within)

    def _is_one(self) -> bool:
        running = self.running.values()
        members = sorted([node.name, node.uid, "up"] for node in running)
        views = [node.view for node in running]
        return (
            all(sorted(view["members"]) == members and not view["unreachable"] for view in views)
            and len({view["leader"] for view in views}) == 1
            and sum(node.has_singleton for node in running) == 1
        )

    def check_histories(self) -> None:
        """In no node's view has a member's status moved backwards, and no removed member has appeared again."""
        for observer in self.processes:
            ranks: dict[tuple[int, int], int] = {}
            for view in observer.all("view"):
                local = view.details["local"]
                now = {(local, uid): RANKS[status] for _, uid, status in view.details["members"]}
                gone = {key: RANKS["removed"] for key in ranks if key not in now and key[0] == local}
                for key, rank in {**now, **gone}.items():
                    assert ranks.get(key, 0) <= rank, f"{observer.name} has seen {key[1]} go back: {view}"
                    ranks[key] = rank

    def print_everything(self) -> None:
        for node in self.processes:
            print(f"--- {node.name}, process {node.pid}, exit code {node.exit_code}")
            for said in node.said:
                print(f"{said.at:.3f} {said.what} {said.details}")
            print(node.log.read_text())
