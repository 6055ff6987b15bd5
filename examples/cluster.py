"""A cluster of three processes: the one with the singleton is killed, the singleton moves, the process is restarted.

    uv run examples/cluster.py

Every node draws tickets from one machine, a singleton: one actor in the whole cluster, on any node. The
program starts three nodes, each in a process, kills one of them with SIGKILL, and shows each node's view.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors
from casty.cluster import ClusteredActorSystem
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

HOST = "127.0.0.1"
NAMES = ("ada", "barbara", "clara")
PATIENCE = 30.0
"""Seconds that each step may take."""


@dataclass(frozen=True, slots=True)
class Ticket:
    number: int
    drawn_at: str


@dataclass(frozen=True, slots=True)
class Draw:
    reply_to: ActorRef[Ticket]


def machine(place: str, drawn: int = 0) -> Behavior[Draw]:
    # The count is in memory, so a new machine starts at 1. With Behaviors.event_sourced it would continue.
    async def receive(ctx: ActorContext[Draw], message: Draw) -> Behavior[Draw]:
        message.reply_to.tell(Ticket(drawn + 1, place))
        return machine(place, drawn + 1)

    return Behaviors.receive(receive)


async def run_node(name: str, ports: Sequence[int]) -> None:
    """Run one node: it draws tickets until it is terminated, and prints its view to standard output."""
    logging.basicConfig(level=logging.ERROR)  # else every ask that is lost with a process would be logged here
    seeds = [(HOST, port) for port in ports]
    port = ports[NAMES.index(name)]
    async with ClusteredActorSystem(name="tickets", host=HOST, port=port, seed_nodes=seeds, node_id=name) as system:
        tickets = system.spawn(Behaviors.singleton(lambda: machine(name)), "machine")
        while True:
            ticket: Ticket | None = await system.ask_or_none(tickets, Draw, timeout=0.5)
            drawn = "none, no reply" if ticket is None else f"{ticket.number} at {ticket.drawn_at}"
            print(json.dumps({"members": members_of(system), "drawn": drawn}), flush=True)
            await asyncio.sleep(0.1)


def members_of(system: ClusteredActorSystem) -> dict[str, str]:
    """The status of each member in this node's view."""
    state = system.get_cluster_state()
    if state is None:
        return {}
    return {
        member.node_id: "unreachable" if member.node in state.unreachable else member.status.value
        for member in sorted(state.members, key=lambda member: member.node_id)
    }


@dataclass(slots=True, kw_only=True)
class Node:
    """A node's process, and its last report."""

    process: Process
    members: dict[str, str] = field(default_factory=dict[str, str])
    drawn: str = ""

    @property
    def machine(self) -> str:
        """The node that issued its last ticket; empty without a reply."""
        return self.drawn.rpartition(" at ")[2] if " at " in self.drawn else ""

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None


class Show:
    """Shows the nodes and their reports: as a live table on a terminal, else line by line."""

    def __init__(self, ports: Sequence[int], live: Live | None) -> None:
        self.nodes: dict[str, Node] = {}
        self._ports = ports
        self._live = live
        self._story: list[str] = []
        self._begun = time.monotonic()
        self._changed = asyncio.Condition()
        self._listeners: list[asyncio.Task[None]] = []

    async def start(self, name: str) -> None:
        """Start that node's process."""
        arguments = [__file__, name, *map(str, self._ports)]
        # In its own process group, so that Ctrl-C reaches only this program.
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, process_group=0)
        node = self.nodes[name] = Node(process=process)
        self._listeners.append(asyncio.create_task(self._listen(name, node)))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the condition, and report it."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)
        self.report(what)

    def report(self, what: str) -> None:
        self._show(f"{time.monotonic() - self._begun:5.1f} s  {what}")

    async def close(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.process.kill()
        await asyncio.gather(*self._listeners)

    async def _listen(self, name: str, node: Node) -> None:
        assert node.process.stdout is not None
        async for line in node.process.stdout:
            said: dict[str, Any] = json.loads(line)
            is_news = said["members"] != node.members
            node.members, node.drawn = said["members"], said["drawn"]
            if is_news and self._live is None:
                print(f"         {name} sees {described(node.members)}", flush=True)
            await self._notify()
        await node.process.wait()
        await self._notify()

    async def _notify(self) -> None:
        if self._live is not None:
            self._live.update(Group(self._table(), *self._story))
        async with self._changed:
            self._changed.notify_all()

    def _show(self, line: str) -> None:
        self._story.append(line)
        if self._live is None:
            print(line, flush=True)
        else:
            self._live.update(Group(self._table(), *self._story))

    def _table(self) -> Table:
        table = Table("node", "process", "members in its view", "last ticket")
        for name, node in self.nodes.items():
            if node.is_running:
                table.add_row(name, str(node.process.pid), described(node.members), node.drawn)
            else:
                table.add_row(name, "none", "", "")
        return table


def described(members: dict[str, str]) -> str:
    return ", ".join(f"{name} {status}" for name, status in members.items()) or "no members yet"


@asynccontextmanager
async def shown() -> AsyncGenerator[Show]:
    console = Console()
    with Live(console=console) if console.is_terminal else nullcontext() as live:
        show = Show(sorted(free_ports(len(NAMES))), live)
        try:
            yield show
        finally:
            await show.close()


async def play() -> None:
    async with shown() as show:
        nodes = show.nodes
        for name in NAMES:
            await show.start(name)

        def all_draw() -> bool:
            up = dict.fromkeys(NAMES, "up")
            return all(node.members == up and node.machine for node in nodes.values())

        await show.until(all_draw, "the three nodes form one cluster, and draw tickets from one machine")
        victim = nodes[NAMES[0]].machine
        others = [nodes[name] for name in NAMES if name != victim]
        nodes[victim].process.kill()
        show.report(f"{victim}, which runs the machine, is killed")
        await show.until(
            lambda: all(node.members.get(victim) == "unreachable" for node in others),
            f"{victim} is unreachable for both other nodes",
        )
        await show.until(
            lambda: all(victim not in node.members for node in others),
            f"{victim} is downed and removed",
        )
        await show.until(lambda: all(node.machine not in ("", victim) for node in others), "the machine has restarted")
        show.report(f"it runs on {others[0].machine}, and counts from 1")
        await show.start(victim)
        await show.until(all_draw, f"{victim} is back, as a new member, and draws tickets from that machine")
        for name, node in nodes.items():
            node.process.send_signal(signal.SIGTERM)
            await node.process.wait()
            show.report(f"{name} was terminated, and has left in order: exit code {node.process.returncode}")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for looking in sockets:
            looking.bind((HOST, 0))
        return [looking.getsockname()[1] for looking in sockets]


if __name__ == "__main__":
    try:
        asyncio.run(run_node(sys.argv[1], [int(port) for port in sys.argv[2:]]) if len(sys.argv) > 1 else play())
    except KeyboardInterrupt:  # Ctrl-C reaches all nodes, and each of them shuts down cleanly
        sys.exit(130)
