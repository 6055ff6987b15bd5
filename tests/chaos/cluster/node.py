"""One node of a cluster as a process: it does what lines of JSON on its standard input say, and tells in others, on its
standard output, what it sees.

python -m tests.chaos.cluster.node SETTINGS
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError
from casty.cluster import ClusteredActorSystem
from casty.events import (
    ActorRestarted,
    MemberLeft,
    MemberUp,
    NodeDowned,
    NodeRejoined,
    ReachableMember,
    UnreachableMember,
)
from casty.tls import Config
from casty_cluster.node.view import ClusterState


@dataclass(frozen=True, slots=True)
class Where:
    """Which node are you on?"""

    reply_to: ActorRef[str]


@dataclass(frozen=True, slots=True)
class Burden:
    """A message that is nothing but large."""

    octets: bytes


def say(what: str, **details: object) -> None:
    """Times are seconds on the machine's monotonic clock, which all its processes share."""
    print(json.dumps({"what": what, "at": time.monotonic(), **details}), flush=True)


def answering(name: str, *, aloud: bool = False) -> Behavior[Where | Burden]:
    """Replies with its node; aloud, it prints when it starts and ends."""

    async def begin(_: ActorContext[Where | Burden]) -> None:
        if aloud:
            say("singleton begins")

    async def end(_: ActorContext[Where | Burden]) -> None:
        if aloud:
            say("singleton ends")

    async def receive(_: ActorContext[Where | Burden], message: Where | Burden) -> Behavior[Where | Burden]:
        if isinstance(message, Where):
            message.reply_to.tell(name)
        return Behaviors.same()

    return Behaviors.with_lifecycle(Behaviors.receive(receive), pre_start=begin, post_stop=end)


class Node:
    """The commands of the process; each method is one."""

    def __init__(self, system: ClusteredActorSystem) -> None:
        self._system = system
        self._work: set[asyncio.Task[None]] = set()
        self._went: list[tuple[float, float, str]] = []

    async def ask(self, path: str, node: str | None = None, timeout: float = 5.0) -> str:
        """Where the actor that is asked says that it is."""
        ref = self._system.lookup(path, node=node)
        if ref is None:
            raise LookupError(f"no member is called {node}")
        return await self._system.ask(ref, Where, timeout=timeout)

    async def keep_asking(self, path: str, pause: float, node: str | None = None, timeout: float = 5.0) -> None:
        """From now on, one question after the other."""

        async def asking() -> None:
            while True:
                begun, failure = time.monotonic(), ""
                try:
                    await self.ask(path, node, timeout)
                except (CastyError, TimeoutError, LookupError) as error:
                    failure = f"{node or ''}{path}: {type(error).__name__}: {error}"
                self._went.append((begun, time.monotonic() - begun, failure))
                await asyncio.sleep(pause)

        self._start(asking())

    async def stop_asking(self) -> None:
        """And begin no other one; nothing is known any more of how they went."""
        for task in self._work:
            task.cancel()
        self._went.clear()

    async def how_asks_went(self) -> list[tuple[float, float, str]]:
        """When each was made, how long it took, and why it failed, since this was last asked."""
        went, self._went = self._went, []
        return went

    async def burden(self, node: str, octets: int, pause: float) -> None:
        """From now on, one large message after the other for that node."""
        ref = self._system.lookup("/echo", node=node)
        assert ref is not None

        async def telling() -> None:
            while True:
                ref.tell(Burden(bytes(octets)))
                await asyncio.sleep(pause)

        self._start(telling())

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def say_view(view: ClusterState | None) -> None:
    if view is None:
        say("view", local=0, members=[], unreachable=[], leader="")
        return
    names = {member.node: member.node_id for member in view.members}
    say(
        "view",
        local=view.local.uid,
        members=[(member.node_id, member.node.uid, member.status.value) for member in view.members],
        unreachable=[names[node] for node in view.unreachable if node in names],
        leader=names.get(view.leader, "") if view.leader is not None else "",
    )


def say_event(event: object) -> None:
    match event:
        case (
            MemberUp(member)
            | MemberLeft(member)
            | UnreachableMember(member)
            | ReachableMember(member)
            | NodeRejoined(member)
        ):
            say(type(event).__name__, member=member.node_id, uid=member.node.uid)
        case NodeDowned(reason):
            say("NodeDowned", reason=reason)
        case ActorRestarted(ref):
            say("ActorRestarted", path=ref.address.path)
        case _:
            pass  # not about the cluster


async def commands() -> AsyncGenerator[dict[str, Any]]:
    """The commands on standard input, until it is closed."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield json.loads(line)


async def carry_out(command: Callable[..., Any], number: int, arguments: dict[str, Any]) -> None:
    try:
        say("done", number=number, answer=await command(**arguments))
    except (CastyError, TimeoutError, LookupError) as error:
        say("failed", number=number, error=f"{type(error).__name__}: {error}")


async def main(settings: dict[str, Any], make_node: Callable[[ClusteredActorSystem], Node] = Node) -> None:
    """Run a node with these settings. `make_node` spawns what runs on it besides, and has the commands for that."""
    files = settings.pop("tls", None)
    tls = None if files is None else Config.from_paths(**files)
    name = settings["node_id"]
    system = ClusteredActorSystem(name="chaos", host="127.0.0.1", tls=tls, **settings)
    system.event_stream.subscribe(object, say_event)
    async with system, asyncio.TaskGroup() as group:
        system.spawn(answering(name), "echo")
        system.spawn(Behaviors.singleton(lambda: answering(name, aloud=True)), "single")
        system.node.views.observe(say_view)
        node = make_node(system)
        async for command in commands():
            method = getattr(node, command.pop("do"))
            group.create_task(carry_out(method, command.pop("number"), command))


LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    asyncio.run(main(json.loads(sys.argv[1])))
