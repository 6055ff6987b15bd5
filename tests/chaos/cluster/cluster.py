"""Clusters of real processes, what each of them has said, and what is true of them all."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.chaos.cluster.network import HOST, Network
from tests.examples.programs import ROOT

LINE = 64 << 20
"""Bytes that one line of a node may have: an answer may tell of many asks."""
RANKS = {"joining": 0, "up": 1, "leaving": 2, "down": 3, "removed": 4}


class Said(NamedTuple):
    """One thing that a node has said."""

    what: str
    at: float
    details: dict[str, Any]


class Node:
    """One process, and what it has said so far."""

    def __init__(self, name: str, process: Process, log: Path, heard: asyncio.Condition) -> None:
        self.name = name
        self.log = log
        self.said: list[Said] = []
        self._process = process
        self._heard = heard
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    @property
    def view(self) -> dict[str, Any]:
        """What it last said of its cluster."""
        views = self.all("view")
        return views[-1].details if views else {"local": 0, "members": [], "unreachable": [], "leader": ""}

    @property
    def uid(self) -> int:
        """Of its incarnation as a member; 0 while it is none."""
        return self.view["local"]

    @property
    def has_singleton(self) -> bool:
        last = [said.what for said in self.said if said.what.startswith("singleton")][-1:]
        return self.is_running and last == ["singleton begins"]

    def all(self, what: str, **details: Any) -> list[Said]:
        """What it has said of that kind, and with those details."""
        return [said for said in self.said if said.what == what and details.items() <= said.details.items()]

    async def do(self, what: str, **arguments: Any) -> Any:
        """Have it carry out a command. Raises RuntimeError with what has gone wrong there."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, "number": number, **arguments}).encode() + b"\n")
        return await answer

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        code = await self._process.wait()
        await self._listening
        return code

    async def kill(self) -> None:
        if self.is_running:
            self._process.kill()
        await self.ended()

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # else it was being written when the process died
                await self._take_down(json.loads(line))
        for answer in self._answers.values():
            answer.cancel()

    async def _take_down(self, line: dict[str, Any]) -> None:
        said = Said(line.pop("what"), line.pop("at"), line)
        match said.what:
            case "done":
                self._answers.pop(line["number"]).set_result(line["answer"])
            case "failed":
                self._answers.pop(line["number"]).set_exception(RuntimeError(f"{self.name}: {line['error']}"))
            case _:
                self.said.append(said)
                async with self._heard:
                    self._heard.notify_all()


class Cluster:
    """Nodes `n1` to `nN` that are each other's seed nodes, with the settings that users get. `n1` is the oldest."""

    def __init__(self, names: Collection[str], folder: Path, settings: dict[str, Any]) -> None:
        self.nodes: dict[str, Node] = {}
        """The newest process of each name."""
        self._names = names
        self._folder = folder
        self._settings = settings
        self._processes: list[Node] = []
        self._heard = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def of(cls, size: int, folder: Path, **settings: Any) -> AsyncGenerator[Self]:
        """A cluster whose nodes are all up. Where it fails, everything that its nodes have said is printed."""
        cluster = cls([f"n{number}" for number in range(1, size + 1)], folder, settings)
        async with Network.between(cluster._names, cluster._pids) as cluster.network:
            try:
                for name in cluster._names:
                    await cluster.start(name)
                await cluster.is_one()
                yield cluster
            except BaseException:
                cluster.print_everything()
                raise
            finally:
                await asyncio.gather(*(node.kill() for node in cluster._processes))

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    @property
    def running(self) -> dict[str, Node]:
        return {name: node for name, node in self.nodes.items() if node.is_running}

    @property
    def processes(self) -> list[Node]:
        """All that there have been."""
        return self._processes

    async def start(self, name: str, **settings: Any) -> Node:
        """A process at that node's address."""
        arguments = {
            "node_id": name,
            "port": self.network.port_behind(name),
            "advertised_port": self.network.port(name),
            "seed_nodes": [(HOST, self.network.port(seed)) for seed in self._names],
            **self._settings,
            **settings,
        }
        log = self._folder / f"{name}-{len(self._processes)}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.cluster.node", json.dumps(arguments)),
                cwd=ROOT,
                stdin=PIPE,
                stdout=PIPE,
                stderr=stderr,
                limit=LINE,
            )
        node = self.nodes[name] = Node(name, process, log, self._heard)
        self._processes.append(node)
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
        """Wait until all running nodes are up in one cluster, as all of them see it, with one leader and one singleton."""
        await self.until(self._is_one, within)

    def _is_one(self) -> bool:
        running = self.running.values()
        everybody = sorted((node.name, node.uid, "up") for node in running)
        views = [node.view for node in running]
        return (
            all(sorted(map(tuple, view["members"])) == everybody and not view["unreachable"] for view in views)
            and len({view["leader"] for view in views}) == 1
            and sum(node.has_singleton for node in running) == 1
        )

    def check_histories(self) -> None:
        """In nobody's eyes has a member ever gone back, and of none that had gone has anything been heard again."""
        for observer in self._processes:
            ranks: dict[tuple[int, int], int] = {}
            for view in observer.all("view"):
                local = view.details["local"]
                now = {(local, uid): RANKS[status] for _, uid, status in view.details["members"]}
                gone = {key: RANKS["removed"] for key in ranks if key not in now and key[0] == local}
                for key, rank in {**now, **gone}.items():
                    assert ranks.get(key, 0) <= rank, f"{observer.name} has seen {key[1]} go back: {view}"
                    ranks[key] = rank

    def print_everything(self) -> None:
        for node in self._processes:
            print(f"--- {node.name}, process {node.pid}, exit code {node._process.returncode}")
            for said in node.said:
                print(f"{said.at:.3f} {said.what} {said.details}")
            print(node.log.read_text())

    def _pids(self) -> dict[str, int]:
        return {name: node.pid for name, node in self.running.items()}
