"""A cluster of three processes: the one with the singleton is killed, the singleton moves, the process is restarted.

    uv run examples/cluster.py

Every node draws tickets from one machine, a singleton: one actor in the whole cluster, on any node. The
program starts three nodes, each in a process, kills one of them with SIGKILL, and shows each node's view.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from casty import ActorContext, ActorRef, Behavior, Behaviors
from casty.cluster import ClusteredActorSystem
from processes import HOST, Node, free_ports, shown

NAMES = ("ada", "barbara", "clara")


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


def machine_of(node: Node) -> str:
    """The node that issued its last ticket; empty without a reply."""
    drawn = str(node.said.get("drawn", ""))
    return drawn.rpartition(" at ")[2] if " at " in drawn else ""


def described(members: dict[str, str]) -> str:
    return ", ".join(f"{name} {status}" for name, status in members.items()) or "no members yet"


async def play() -> None:
    columns = ("members in its view", "last ticket")
    ports = sorted(free_ports(len(NAMES)))
    async with shown(
        __file__,
        columns,
        row=lambda said: (described(said["members"]), said["drawn"]),
        news=lambda said: f"sees {described(said['members'])}",
    ) as show:
        show.patience = 30.0
        nodes = show.nodes
        for name in NAMES:
            await show.start(name, *ports)

        def all_draw() -> bool:
            up = dict.fromkeys(NAMES, "up")
            return all(node.said.get("members") == up and machine_of(node) for node in nodes.values())

        await show.until(all_draw, "the three nodes form one cluster, and draw tickets from one machine")
        victim = machine_of(nodes[NAMES[0]])
        others = [nodes[name] for name in NAMES if name != victim]
        nodes[victim].send(signal.SIGKILL)
        show.report(f"{victim}, which runs the machine, is killed")
        await show.until(
            lambda: all(node.said["members"].get(victim) == "unreachable" for node in others),
            f"{victim} is unreachable for both other nodes",
        )
        await show.until(
            lambda: all(victim not in node.said["members"] for node in others),
            f"{victim} is downed and removed",
        )
        await show.until(
            lambda: all(machine_of(node) not in ("", victim) for node in others), "the machine has restarted"
        )
        show.report(f"it runs on {machine_of(others[0])}, and counts from 1")
        await show.start(victim, *ports)
        await show.until(all_draw, f"{victim} is back, as a new member, and draws tickets from that machine")
        await show.terminate_all()


if __name__ == "__main__":
    try:
        asyncio.run(run_node(sys.argv[1], [int(port) for port in sys.argv[2:]]) if len(sys.argv) > 1 else play())
    except KeyboardInterrupt:  # Ctrl-C reaches all nodes, and each of them shuts down cleanly
        sys.exit(130)
