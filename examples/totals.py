"""The totals of a ledger, checked against a plain fold over the file."""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from transactions import Transaction

ROWS_SHOWN = 10


def fold(transactions: Sequence[Transaction]) -> dict[str, Decimal]:
    """The balances by account, without any actor. Of two rows with the same `trans_id` the first counts."""
    amounts: dict[tuple[str, str], Decimal] = {}
    for transaction in transactions:
        amounts.setdefault((transaction.account_id, transaction.trans_id), transaction.amount)
    balances: dict[str, Decimal] = {}
    for (account_id, _), amount in amounts.items():
        balances[account_id] = balances.get(account_id, Decimal("0.00")) + amount
    return balances


def show(balances: Mapping[str, Decimal], expected: Mapping[str, Decimal]) -> bool:
    """Print the totals. Returns whether they are as expected."""
    table = Table(title="Totals")
    for title in ("account", "ledger", "fold", ""):
        table.add_column(title, justify="right")
    wrong = [account_id for account_id in expected if balances[account_id] != expected[account_id]]
    rest = sorted(expected.keys() - set(wrong), key=lambda account_id: (-expected[account_id], account_id))
    for account_id in (wrong + rest)[:ROWS_SHOWN]:
        balance, should_be = balances[account_id], expected[account_id]
        table.add_row(account_id, f"{balance:,}", f"{should_be:,}", "ok" if balance == should_be else "DIFFERS")
    if len(expected) > ROWS_SHOWN:
        table.add_row(f"{len(expected) - ROWS_SHOWN:,} more", "…", "…", "")
    table.add_section()
    total, should_be = sum(balances.values(), Decimal()), sum(expected.values(), Decimal())
    table.add_row(f"{len(expected):,} accounts", f"{total:,}", f"{should_be:,}", "DIFFERS" if wrong else "ok")
    Console().print(table)
    if wrong:
        print(
            f"{len(wrong)} of {len(expected)} balances differ from the fold of this file; "
            "if the journal holds another file's transactions too, give this file its own with --journal",
            file=sys.stderr,
        )
    return not wrong
