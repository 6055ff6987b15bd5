"""The ledger, killed at random moments and out of disk space: it resumes without losing or doubling a transaction."""

import json
import resource
import subprocess
from pathlib import Path
from random import Random

from tests.chaos.bank import ROUNDS, SEED, killed, write_transactions
from tests.examples.programs import balances_of, command, run_example

KILLS = 8 * ROUNDS
ROWS = 6_000
LONGEST = 0.4
"""Seconds: less than booking all the rows takes."""


def test_killed_at_random_moments_it_resumes(tmp_path: Path) -> None:
    print(f"CASTY_CHAOS_SEED={SEED}")
    random = Random(SEED)
    file = tmp_path / "many.csv"
    interrupted = 0
    for round_number in range(ROUNDS):
        write_transactions(file, rows=ROWS, accounts=150, seed=SEED + round_number)
        journal = ("--journal", f"sqlite:///{round_number}.db")
        interrupted += sum(booking_was_killed(file, journal, random.uniform(0, LONGEST)) for _ in range(8))
        finished = run_example("ledger.py", file, *journal, "--json", "out.json", cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr[-2000:]
        assert json.loads((tmp_path / "out.json").read_text()) == balances_of(file)
    assert interrupted > 0


def booking_was_killed(file: Path, journal: tuple[str, str], after: float) -> bool:
    with subprocess.Popen(
        command("ledger.py", file, *journal), cwd=file.parent, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has read the file and begins to book
        return killed(process, after)
