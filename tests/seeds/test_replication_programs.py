"""The seed documents' snippets about replication, completed to programs on three nodes, one of which dies."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.ports import free_ports
from tests.seeds.programs import NO_BREAK_SPACE, SEEDS, needs_seeds

pytestmark = needs_seeds

MAIN = """
import sys
from casty import CastyConfig, CastyError
from casty.cluster import ClusterConfig
from casty.sharding import ClusteredActorSystem

async def ask(system, region, entity, make):
    while True:
        try:
            return await system.ask(region, lambda to: ShardEnvelope(entity, make(to)), timeout=2.0)
        except (CastyError, TimeoutError):
            await asyncio.sleep(0.05)

async def main():
    ports, number = {ports}, int(sys.argv[1])
    async with ClusteredActorSystem(
        name="seed",
        host="127.0.0.1",
        port=ports[number],
        seed_nodes=[("127.0.0.1", port) for port in ports],
        required_quorum=3,
        config=CastyConfig(cluster=ClusterConfig(failover="fast")),
    ) as system:
        node = system
{snippet}
        region = {region}
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            match line.strip():
                case "use":
{use}
                case "show":
                    print(await ask(system, region, {entity!r}, {show}), flush=True)
                case "home":
                    shards = (await system.shard_state({region!r})).shards
                    [owner] = [found.owner.port for found in shards if found.owner]
                    print(ports.index(owner), flush=True)

asyncio.run(main())
"""
DEPOSIT = """
region.tell(ShardEnvelope("alice", Deposit(100)))
region.tell(ShardEnvelope("alice", Deposit(50)))
print(await ask(system, region, "alice", lambda to: GetBalance(reply_to=to)), flush=True)
"""
SUBMIT = """
print(await ask(system, region, "q", lambda to: Submit("task-1", to)), flush=True)
"""
COMMANDS_002 = """
import asyncio
from dataclasses import dataclass
from casty import ActorRef, Behavior, ShardEnvelope

@dataclass(frozen=True)
class Deposit:
    amount: int

@dataclass(frozen=True)
class Withdraw:
    amount: int

@dataclass(frozen=True)
class GetBalance:
    reply_to: ActorRef[int]
"""
TASKS = """
import asyncio
from dataclasses import dataclass
from casty import ActorRef, ShardEnvelope

@dataclass(frozen=True)
class QueueState:
    pending: tuple[str, ...]
    completed: tuple[str, ...]

@dataclass(frozen=True)
class Submit:
    task: str
    reply_to: ActorRef[QueueState]

@dataclass(frozen=True)
class Submitted:
    task: str

@dataclass(frozen=True)
class Show:
    reply_to: ActorRef[QueueState]

def apply_event(state, event):
    return QueueState((*state.pending, event.task), state.completed)

async def handle_command(ctx, state, command):
    match command:
        case Submit(task, reply_to):
            return Behaviors.persisted([Submitted(task)], then=lambda state: reply_to.tell(state))
        case Show(reply_to):
            reply_to.tell(state)
            return Behaviors.same()
"""


def between(document: str, start: str, end: str) -> str:
    """A part of a document, from one text up to another."""
    [path] = SEEDS.glob(f"{document}*")
    text = path.read_text(encoding="utf-8").replace(NO_BREAK_SPACE, " ")
    first = text.index(start)
    return dedent(text[first : text.index(end, first)])


@dataclass(frozen=True)
class Program:
    definitions: str
    snippet: str
    """Run on each node, which it calls `node` or `system`."""
    region: str
    use: str
    entity: str
    show: str
    printed: str

    def text(self, ports: list[int]) -> str:
        main = MAIN.format(
            ports=ports,
            snippet=indent(self.snippet, " " * 8),
            region=self.region,
            use=indent(self.use, " " * 20),
            entity=self.entity,
            show=self.show,
        )
        return self.definitions + main


def accounts_002() -> Program:
    sourced = between("002", "from casty import Behaviors\nfrom casty.journal", "```")
    snippet = between("002", "from casty.replication import ReplicationConfig\n\naccounts = node", "```")
    return Program(COMMANDS_002 + sourced, snippet, "accounts", DEPOSIT, "alice", "GetBalance", "150\n")


def accounts_003() -> Program:
    sourced = between("003", "import asyncio\nfrom dataclasses import dataclass\nfrom typing", "# --- Recovery demo")
    # The document's own `account_entity` stores no events, which it says is required.
    definitions = f"{sourced}\nfrom casty import ShardEnvelope\naccount_entity = bank_account\n"
    snippet = between("003", "from casty import Behaviors\nfrom casty.replication", "The coordinator allocates")
    printed = "AccountState(balance=150, tx_count=2)\n"
    return Program(definitions, snippet, "accounts", DEPOSIT, "alice", "GetBalance", printed)


def tasks_003() -> Program:
    snippet = between(
        "003", "from casty import Behaviors\nfrom casty.journal import InMemoryJournal\nfrom", "No Redis."
    )
    imports, spawning = snippet.split("journal = ", 1)
    printed = "QueueState(pending=('task-1',), completed=())\n"
    return Program(imports + TASKS, f"journal = {spawning}", "tasks", SUBMIT, "q", "Show", printed)


@pytest.mark.parametrize("make", [accounts_002, accounts_003, tasks_003])
def test_what_was_acknowledged_is_there_when_the_primarys_process_was_killed(
    make: Callable[[], Program], tmp_path: Path
) -> None:
    """Each process has a journal in memory, which dies with it."""
    program, path = make(), tmp_path / "program.py"
    path.write_text(program.text(free_ports(3)), encoding="utf-8")
    nodes = [start(path, number) for number in range(3)]
    try:
        assert [said(node) for node in nodes] == ["ready\n"] * 3
        assert said(nodes[0], "use") == program.printed
        home = int(said(nodes[0], "home"))
        nodes[home].kill()
        left = [node for number, node in enumerate(nodes) if number != home]
        assert [said(node, "show") for node in left] == [program.printed] * 2
    finally:
        for node in nodes:
            node.kill()
            node.communicate()


def start(path: Path, number: int) -> "subprocess.Popen[str]":
    pipe, arguments = subprocess.PIPE, [sys.executable, str(path), str(number)]
    return subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


def said(node: "subprocess.Popen[str]", command: str = "") -> str:
    """The next line of a node, after a command if there is one."""
    assert node.stdin is not None
    assert node.stdout is not None
    if command:
        node.stdin.write(f"{command}\n")
        node.stdin.flush()
    return node.stdout.readline()
