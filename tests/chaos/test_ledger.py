"""The ledger, killed at random moments and out of disk space: it resumes without losing or doubling a transaction."""

import json
import shlex
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, killed, write_transactions
from tests.examples.programs import BERKA, balances_of, command, run_example

KILLS = 10 * ROUNDS
ROWS = 25_000 * ROUNDS
LONGEST = 1.0
"""Seconds: more than it takes to book the first rows, and less than all of them take."""


@pytest.mark.timeout(120 * ROUNDS)
def test_killed_at_random_moments_it_resumes(url: str, random: Random, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    write_transactions(file, rows=ROWS, accounts=200, seed=SEED)
    kill_and_resume(file, url, random, LONGEST, tmp_path)


@pytest.mark.skipif(not BERKA.exists(), reason=f"the real file is not there: {BERKA}")
@pytest.mark.skipif(ROUNDS == 1, reason="the real file takes a CASTY_CHAOS_ROUNDS of 2 or more")
@pytest.mark.timeout(120 * ROUNDS)
def test_killed_at_random_moments_it_resumes_the_real_file(url: str, random: Random, tmp_path: Path) -> None:
    kill_and_resume(BERKA, url, random, 2.0, tmp_path)


def kill_and_resume(file: Path, url: str, random: Random, longest: float, folder: Path) -> None:
    kills = sum(booking_was_killed(file, url, random.uniform(0, longest)) for _ in range(KILLS))
    print(f"{kills} of {KILLS} were killed before they had booked everything")
    assert kills > 0
    assert_resumes(file, folder, "--journal", url)


def booking_was_killed(file: Path, journal: str, after: float) -> bool:
    with subprocess.Popen(
        command("ledger.py", file, "--journal", journal), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has read the file and begins to book
        return killed(process, after)


def test_out_of_disk_space_it_says_so_and_resumes(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    write_transactions(file, rows=5_000, accounts=20, seed=1)
    # No file of the process grows beyond 500 blocks: to SQLite that is a disk without space.
    limited = f"ulimit -f 500; exec {shlex.join(command('ledger.py', file))}"
    stopped = subprocess.run(
        ["sh", "-c", limited], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )
    assert stopped.returncode == 1
    assert "run this again to go on" in stopped.stderr
    assert_resumes(file, tmp_path)


def assert_resumes(file: Path, folder: Path, *arguments: str) -> None:
    finished = run_example("ledger.py", file, *arguments, "--json", "out.json", cwd=folder)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert " 0 booked before" not in finished.stdout
    assert json.loads((folder / "out.json").read_text()) == balances_of(file)
