"""What the crash tests share: a file of transactions, and processes that are killed at a moment drawn by lot."""

import os
import subprocess
from datetime import date, timedelta
from pathlib import Path
from random import Random

ROUNDS = int(os.environ.get("CASTY_CHAOS_ROUNDS", "1"))
"""How many times as long as usual the crash tests run."""
SEED = int(os.environ.get("CASTY_CHAOS_SEED", "0")) or Random().randrange(1, 2**32)
"""Printed by every crash test. Moments differ between runs even so, as processes do."""


def write_transactions(path: Path, *, rows: int, accounts: int, seed: int) -> None:
    random = Random(seed)
    with path.open("w") as file:
        file.write("trans_id,account_id,date,type,operation,amount\n")
        for number in range(rows):
            day = date(2001, 1, 1) + timedelta(days=number * 365 // rows)
            account, kind = random.randrange(accounts), random.choice(("credit", "debit"))
            file.write(f"{number},{account},{day},{kind},test,{random.randrange(1, 10**6) / 100:.2f}\n")


def killed(process: subprocess.Popen[str], after: float) -> bool:
    """SIGKILL after that many seconds, unless it has ended by then."""
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False
