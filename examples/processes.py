"""Shows node processes and what they report about themselves: for `cluster.py` and `sensors.py`."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

HOST = "127.0.0.1"


@dataclass(slots=True, kw_only=True)
class Node:
    """A node's process, and its last report."""

    process: Process
    said: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended. `Process.send_signal` would look for that first, and take the
        exit code of one that has just ended away from asyncio.
        """
        if self.is_running:
            os.kill(self.process.pid, number)

    async def terminate(self) -> int:
        """Have it leave in order. Returns its exit code."""
        self.send(signal.SIGTERM)
        return await self.process.wait()


class Show:
    """Shows the nodes and their reports: as a live table on a terminal, else line by line."""

    def __init__(
        self,
        program: str,
        columns: Sequence[str],
        row: Callable[[dict[str, Any]], Sequence[str]],
        news: Callable[[dict[str, Any]], str],
        live: Live | None,
    ) -> None:
        """`program` is what a node's process runs. `row` is what the table shows of a report, in these columns, and
        `news` is what is printed, where there is no table, whenever it changes.
        """
        self.nodes: dict[str, Node] = {}
        self.patience = 60.0
        """Seconds that each step may take."""
        self._program = program
        self._columns = columns
        self._row = row
        self._news = news
        self._live = live
        self._story: list[str] = []
        self._begun = time.monotonic()
        self._changed = asyncio.Condition()
        self._listeners: list[asyncio.Task[None]] = []

    async def start(self, name: str, *arguments: object) -> None:
        """Start that node's process."""
        command = [sys.executable, self._program, name, *map(str, arguments)]
        # In its own process group, so that Ctrl-C reaches only this program.
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, process_group=0)
        node = self.nodes[name] = Node(process=process)
        self._listeners.append(asyncio.create_task(self._listen(name, node)))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the condition, and report it."""
        async with asyncio.timeout(self.patience), self._changed:
            await self._changed.wait_for(condition)
        self.report(what)

    def report(self, what: str) -> None:
        line = f"{time.monotonic() - self._begun:5.1f} s  {what}"
        self._story.append(line)
        if self._live is None:
            print(line, flush=True)
        else:
            self._draw(self._live)

    async def terminate_all(self) -> None:
        for name, node in self.nodes.items():
            if node.is_running:
                self.report(f"{name} was terminated, and has left in order: exit code {await node.terminate()}")

    async def close(self) -> None:
        for node in self.nodes.values():
            node.send(signal.SIGKILL)
        await asyncio.gather(*self._listeners)

    async def _listen(self, name: str, node: Node) -> None:
        assert node.process.stdout is not None
        async for line in node.process.stdout:
            before, node.said = node.said, json.loads(line)
            if self._live is None and (not before or self._news(before) != self._news(node.said)):
                print(f"         {name} {self._news(node.said)}", flush=True)
            await self._notify()
        await node.process.wait()
        await self._notify()

    async def _notify(self) -> None:
        if self._live is not None:
            self._draw(self._live)
        async with self._changed:
            self._changed.notify_all()

    def _draw(self, live: Live) -> None:
        table = Table("node", "process", *self._columns)
        for name, node in self.nodes.items():
            if node.is_running:
                table.add_row(name, str(node.process.pid), *(self._row(node.said) if node.said else ()))
            else:
                table.add_row(name, "none")
        live.update(Group(table, *self._story))


@asynccontextmanager
async def shown(
    program: str,
    columns: Sequence[str],
    row: Callable[[dict[str, Any]], Sequence[str]],
    news: Callable[[dict[str, Any]], str],
) -> AsyncGenerator[Show]:
    """See `Show`. All processes have ended when this ends."""
    console = Console()
    with Live(console=console) if console.is_terminal else nullcontext() as live:
        show = Show(program, columns, row, news, live)
        try:
            yield show
        finally:
            await show.close()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for looking in sockets:
            looking.bind((HOST, 0))
        return [looking.getsockname()[1] for looking in sockets]
