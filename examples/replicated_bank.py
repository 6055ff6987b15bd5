"""A bank on three processes without a database: one is killed, its disk is wiped, and no deposit is lost.

    uv run examples/replicated_bank.py [--deposits 400]

Each node keeps copies of accounts in a SQLite file of its own. A deposit is acknowledged when two of three have stored
it. Customers deposit all the time, and repeat what they have had no reply to: an account recognizes a deposit by its
number. At the end, each balance is what its customer knows of.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError, SqliteJournal, message
from casty.cluster import ClusterClient, ClusteredActorSystem
from casty.replication import ReplicationConfig
from processes import HOST, Show, free_ports, shown

NAMES = ("ada", "barbara", "clara")
ACCOUNTS = tuple(f"account-{number}" for number in range(8))
SHARDS = 6
COPIES = ReplicationConfig(replicas=2, min_acks=1)


@message("bank.Deposit")
@dataclass(frozen=True, slots=True)
class Deposit:
    number: int
    """No two deposits to an account have the same."""
    amount: int
    reply_to: ActorRef[int]
    """Receives the balance."""


@message("bank.Deposited")
@dataclass(frozen=True, slots=True)
class Deposited:
    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Account:
    balance: int = 0
    numbers: Mapping[int, int] = field(default_factory=dict[int, int])


def on_event(account: Account, event: Deposited) -> Account:
    return Account(account.balance + event.amount, {**account.numbers, event.number: event.amount})


async def on_command(_: ActorContext[Deposit], account: Account, deposit: Deposit) -> Behavior[Deposit]:
    if deposit.number in account.numbers or not deposit.amount:
        deposit.reply_to.tell(account.balance)
        return Behaviors.same()
    event = Deposited(deposit.number, deposit.amount)
    return Behaviors.persisted([event], reply=(deposit.reply_to, account.balance + deposit.amount))


async def run_node(name: str, folder: Path, ports: Sequence[int]) -> None:
    """Run one node until it is terminated, and print what it does to standard output."""
    journal = SqliteJournal(folder / f"{name}.db")

    def account(entity_id: str) -> Behavior[Deposit]:
        return Behaviors.event_sourced(
            entity_id=entity_id, journal=journal, initial_state=Account(), on_event=on_event, on_command=on_command
        )

    seeds, port = [(HOST, port) for port in ports], ports[NAMES.index(name)]
    async with ClusteredActorSystem(name="bank", host=HOST, port=port, seed_nodes=seeds, node_id=name) as system:
        system.spawn(Behaviors.sharded(account, num_shards=SHARDS, replication=COPIES), "accounts")
        await system.wait_for(len(NAMES))
        while True:
            state = await system.shard_state("accounts")
            said = {"members": len(system.members), "shards": len(state.on(system.self_node.node))}
            print(json.dumps(said), flush=True)
            await asyncio.sleep(0.2)


class Customers:
    """One for each account: deposits one amount after the other, each until it is acknowledged."""

    def __init__(self, client: ClusterClient) -> None:
        self.deposited = dict.fromkeys(ACCOUNTS, 0)
        """What was acknowledged, by account."""
        self.count = 0
        self.repeated = 0
        self.progress = asyncio.Condition()
        self._client = client

    async def run(self, account: str) -> None:
        number = 0
        while True:
            number += 1
            await self._insist(account, number, amount=number)
            self.deposited[account] += number
            self.count += 1
            async with self.progress:
                self.progress.notify_all()

    async def balance(self, account: str) -> int:
        return await self._insist(account, 0, amount=0)

    async def _insist(self, account: str, number: int, *, amount: int) -> int:
        entity = self._client.entity_ref("accounts", account)
        while True:
            try:
                return await entity.ask(lambda to: Deposit(number, amount, to), timeout=2.0)
            except (CastyError, TimeoutError):  # it may have happened or not
                self.repeated += 1
                await asyncio.sleep(0.1)


async def play(deposits: int, folder: Path) -> int:
    """Show it. Returns the exit code: 1 if a balance is wrong."""
    ports = sorted(free_ports(len(NAMES)))
    async with shown(
        __file__,
        ("members", "runs"),
        row=lambda said: (str(said["members"]), f"{said['shards']} shards"),
        news=lambda said: f"knows {said['members']} members",
    ) as show:
        for name in NAMES:
            await show.start(name, folder, *ports)
        await show.until(lambda: all_know(show, len(NAMES)), "three nodes are one cluster, each with a disk of its own")
        contacts = [(HOST, port) for port in ports]
        async with ClusterClient(contact_points=contacts, system_name="bank") as client, asyncio.TaskGroup() as group:
            customers = Customers(client)
            tasks = [group.create_task(customers.run(account)) for account in ACCOUNTS]
            await reached(show, customers, deposits, "are acknowledged")
            victim = max(NAMES, key=lambda name: show.nodes[name].said["shards"])
            show.nodes[victim].send(signal.SIGKILL)
            await show.nodes[victim].process.wait()
            wipe(folder, victim)
            show.report(f"{victim} is killed, and its disk is wiped; {customers.count} deposits are acknowledged")
            await reached(show, customers, deposits, "more are acknowledged by the other two")
            await show.start(victim, folder, *ports)
            await show.until(lambda: all_know(show, len(NAMES)), f"{victim} is back, with an empty disk")
            await reached(show, customers, deposits, "more are acknowledged by all three")
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # A deposit whose reply was not waited for any more may have happened as well.
            wrong = [account for account in ACCOUNTS if not await is_right(customers, account)]
            total = sum(customers.deposited.values())
            show.report(f"{customers.count} deposits of {total} in all; {customers.repeated} had to be repeated")
            show.report(f"wrong balances: {', '.join(wrong) or 'none'}")
        await show.terminate_all()
    return 1 if wrong else 0


async def is_right(customers: Customers, account: str) -> bool:
    """Whether the balance is what was acknowledged, with or without the deposit that was under way at the end."""
    known = customers.deposited[account]
    number = next(number for number in range(1, known + 2) if number * (number + 1) // 2 > known)
    return await customers.balance(account) in (known, known + number)


def all_know(show: Show, members: int) -> bool:
    return all(node.is_running and node.said.get("members") == members for node in show.nodes.values())


async def reached(show: Show, customers: Customers, deposits: int, what: str) -> None:
    """Wait for so many further deposits, and report it."""
    goal = customers.count + deposits
    async with asyncio.timeout(show.patience), customers.progress:
        await customers.progress.wait_for(lambda: customers.count >= goal)
    show.report(f"{deposits} deposits {what}")


def wipe(folder: Path, name: str) -> None:
    for path in folder.glob(f"{name}.db*"):
        path.unlink()


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)  # else each connection that breaks would be logged here
    if sys.argv[1:] and sys.argv[1] in NAMES:
        name, folder, *ports = sys.argv[1:]
        asyncio.run(run_node(name, Path(folder), [int(port) for port in ports]))
        return 0
    parser = argparse.ArgumentParser(description="Shows a bank on three processes, one of which loses its disk.")
    parser.add_argument("--deposits", type=int, default=400, help="between the steps")
    given: Any = parser.parse_args()
    with TemporaryDirectory(prefix="casty-bank-") as folder:
        return asyncio.run(play(given.deposits, Path(folder)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # Ctrl-C reaches all nodes, and each of them shuts down cleanly
        sys.exit(130)
