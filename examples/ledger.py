"""A bank ledger: books a CSV of transactions on event-sourced accounts. Kill it at any moment; run again, it resumes.

    uv run examples/ledger.py [FILE] [--journal URL] [--json OUT]

Every account is an actor. It acknowledges a transaction only when it is stored, and remembers all booked ones. So after
a crash, or without a reply, the program sends a transaction again: nothing is lost, and
nothing is booked twice.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, message
from casty.errors import CastyError
from casty.plugins import build_options
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from totals import fold, show
from transactions import COLUMNS, Contents, Transaction, read

EXAMPLE = Path(__file__).parent / "transactions.csv"
IN_FLIGHT = 1_000
"""Number of transactions in flight. They share the journal's commits."""
ATTEMPTS = 7
"""Together they take six seconds, enough to restart a database server; while it is down, asks fail immediately."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account's state: the fold of its events."""

    balance: Decimal = Decimal("0.00")
    booked: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """The amounts by `trans_id`, by which a repeated transaction is recognized."""


# The name is stored with every event, so that the class may be renamed or moved.
@message("ledger.Booked")
@dataclass(frozen=True, slots=True)
class Booked:
    trans_id: str
    date: date
    operation: str
    amount: Decimal


class Receipt(Enum):
    BOOKED = "booked"
    KNOWN = "booked before"
    CONFLICT = "booked before with another amount"


@dataclass(frozen=True, slots=True)
class Book:
    transaction: Transaction
    reply_to: ActorRef[Receipt]


@dataclass(frozen=True, slots=True)
class GetAccount:
    reply_to: ActorRef[Account]


type AccountCommand = Book | GetAccount


def on_event(account: Account, event: Booked) -> Account:
    return Account(account.balance + event.amount, {**account.booked, event.trans_id: event.amount})


async def on_command(
    ctx: ActorContext[AccountCommand], account: Account, command: AccountCommand
) -> Behavior[AccountCommand]:
    match command:
        case Book(new, reply_to) if new.trans_id not in account.booked:
            # Sent when the event is stored, and never if it cannot be stored.
            reply_to.tell(Receipt.BOOKED)
            return Behaviors.persisted([Booked(new.trans_id, new.date, new.operation, new.amount)])
        case Book(again, reply_to):
            same = account.booked[again.trans_id] == again.amount
            reply_to.tell(Receipt.KNOWN if same else Receipt.CONFLICT)
        case GetAccount(reply_to):
            reply_to.tell(account)
    return Behaviors.same()


def account_actor(account_id: str, journal: str) -> Behavior[AccountCommand]:
    # If the journal fails, the account retries with backoff and replays its events.
    return Behaviors.event_sourced(
        entity_id=f"account-{account_id}",
        journal=journal,
        initial_state=Account(),
        on_event=on_event,
        on_command=on_command,
    )


class Ledger:
    """The accounts, each started on first use."""

    def __init__(self, system: ActorSystem, journal: str) -> None:
        self._system = system
        self._journal = journal
        self._accounts: dict[str, ActorRef[AccountCommand]] = {}

    def account(self, account_id: str) -> ActorRef[AccountCommand]:
        if account_id not in self._accounts:
            behavior = account_actor(account_id, self._journal)
            self._accounts[account_id] = self._system.spawn(behavior, f"account-{account_id}")
        return self._accounts[account_id]

    async def book(self, transaction: Transaction) -> Receipt:
        """Book a transaction. Raises the last attempt's error. After a timeout it may be booked: a retry is safe."""
        account = self.account(transaction.account_id)
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._system.ask(account, lambda reply_to: Book(transaction, reply_to))
            except (CastyError, TimeoutError):
                await asyncio.sleep(0.1 * 2**attempt)
        return await self._system.ask(account, lambda reply_to: Book(transaction, reply_to))

    async def book_all(
        self, transactions: Sequence[Transaction], on_receipt: Callable[[Transaction, Receipt], None]
    ) -> None:
        """Book all transactions. Raises, and books no more, as soon as one cannot be booked."""
        rest = iter(transactions)

        async def clerk() -> None:
            for transaction in rest:  # all clerks share this iterator
                on_receipt(transaction, await self.book(transaction))

        try:
            async with asyncio.TaskGroup() as clerks:
                for _ in range(min(IN_FLIGHT, len(transactions))):
                    clerks.create_task(clerk())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def balances(self) -> dict[str, Decimal]:
        accounts = [(account_id, await self._system.ask(ref, GetAccount)) for account_id, ref in self._accounts.items()]
        return {account_id: account.balance for account_id, account in accounts}


async def check_journal(system: ActorSystem, url: str) -> None:
    """Raise the error of an unusable journal once, before every account would."""
    provider = system.plugins.journal(url)
    async with provider.open(url, build_options(provider, {})):
        pass


async def run(file: Path, contents: Contents, journal: str) -> tuple[dict[str, Decimal], list[str]]:
    """Book everything. Returns the balances, and the problems of the file."""
    problems = list(contents.problems)
    receipts: Counter[Receipt] = Counter()
    bar = Progress(
        TextColumn("booking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), disable=not sys.stdout.isatty()
    )
    async with ActorSystem("ledger") as system:
        await check_journal(system, journal)
        ledger = Ledger(system, journal)
        with bar:
            task = bar.add_task("", total=len(contents.transactions))

            def count(transaction: Transaction, receipt: Receipt) -> None:
                bar.advance(task)
                receipts[receipt] += 1
                if receipt is Receipt.CONFLICT:
                    row = f"{file}:{transaction.line}: column trans_id: {transaction.trans_id!r}"
                    problems.append(f"{row} was {receipt.value} on account {transaction.account_id}")

            started = time.perf_counter()
            await ledger.book_all(contents.transactions, count)
            seconds = time.perf_counter() - started
        rate = len(contents.transactions) / seconds
        print(
            f"{receipts[Receipt.BOOKED]:,} booked and {receipts[Receipt.KNOWN]:,} booked before, "
            f"in {seconds:.1f} s ({rate:,.0f} transactions/s)"
        )
        return await ledger.balances(), problems


def main() -> int:
    """The exit code: that of `book`, or 130 after Ctrl-C."""
    try:
        return book(parse_arguments())
    except KeyboardInterrupt:
        print("interrupted; booked transactions are safe: run this again to continue", file=sys.stderr)
        return 130


def book(arguments: "Arguments") -> int:
    """The exit code: 1 if anything is wrong with a row, a balance or the journal, 2 if FILE cannot be read at all."""
    journal = arguments.journal or f"sqlite:///{quote(arguments.file.stem)}.db"
    try:
        contents = read(arguments.file)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(contents.transactions):,} transactions in {arguments.file}, booked in {journal}", flush=True)
    try:
        balances, problems = asyncio.run(run(arguments.file, contents, journal))
    except (CastyError, TimeoutError) as error:
        print(f"stopped: {error}\nbooked transactions are safe: run this again to continue", file=sys.stderr)
        return 1
    agrees = show(balances, fold(contents.transactions))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({name: str(balance) for name, balance in balances.items()}, indent=1))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems):,} rows were not booked, for the reasons above; all other rows were", file=sys.stderr)
    return 0 if agrees and not problems else 1


class Arguments(argparse.Namespace):
    file: Path
    journal: str | None
    json: Path | None


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(description="Books a CSV of bank transactions on event-sourced accounts.")
    parser.add_argument("file", nargs="?", type=Path, default=EXAMPLE, help=f"columns: {','.join(COLUMNS)}")
    parser.add_argument("--journal", metavar="URL", help="default: sqlite:///NAME.db here, after FILE's name")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write every account's balance there")
    return parser.parse_args(namespace=Arguments())


if __name__ == "__main__":
    sys.exit(main())
