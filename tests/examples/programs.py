"""Runs the examples as a reader would: each as a process of its own, in a folder of its own."""

import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BERKA = ROOT.parent / "shared" / "data" / "berka-transactions.csv"
"""Real transactions, which are no part of this repository."""


def command(name: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / name), *map(str, arguments)]


def run_example(name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(name, *arguments), cwd=cwd, capture_output=True, text=True, timeout=200, check=False)


def balances_of(path: Path) -> dict[str, str]:
    """What `--json` has to write for a file without faults: folded here once more, without any code of the examples."""
    balances: dict[str, Decimal] = {}
    with path.open(newline="") as rows:
        for row in csv.DictReader(rows):
            amount = Decimal(row["amount"]) if row["type"] == "credit" else -Decimal(row["amount"])
            balances[row["account_id"]] = balances.get(row["account_id"], Decimal()) + amount
    return {account_id: f"{balance:.2f}" for account_id, balance in balances.items()}
