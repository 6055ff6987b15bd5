"""The ledger, killed at random moments and out of disk space: it resumes without losing or doubling a transaction."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, killed, write_transactions
from tests.examples.programs import BERKA, balances_of, command, run_example

KILLS = 4 * ROUNDS
ROWS = 6_000 * ROUNDS


@pytest.mark.timeout(300 * ROUNDS)
def test_killed_at_random_moments_it_resumes(new_url: Callable[[], str], random: Random, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    write_transactions(file, rows=ROWS, accounts=200, seed=SEED)
    kill_and_resume(file, new_url, random, tmp_path)


@pytest.mark.skipif(not BERKA.exists(), reason=f"the real file is not there: {BERKA}")
@pytest.mark.skipif(ROUNDS == 1, reason="the real file takes a CASTY_CHAOS_ROUNDS of 2 or more")
@pytest.mark.timeout(300 * ROUNDS)
def test_killed_at_random_moments_it_resumes_the_real_file(
    new_url: Callable[[], str], random: Random, tmp_path: Path
) -> None:
    kill_and_resume(BERKA, new_url, random, tmp_path)


def kill_and_resume(file: Path, new_url: Callable[[], str], random: Random, folder: Path) -> None:
    # A killed run books less than half of the file, so that the first ones find some rows booked and some not.
    longest = seconds_to_book(file, new_url()) / 2
    journal = new_url()
    kills = sum(booking_was_killed(file, journal, random.uniform(0, longest)) for _ in range(KILLS))
    print(f"{kills} of {KILLS} were killed before they had booked everything")
    assert kills > 0
    while not has_events(journal):  # the machine has become slower
        longest *= 2
        booking_was_killed(file, journal, longest)
    assert_resumes(file, folder, "--journal", journal)


def seconds_to_book(file: Path, journal: str) -> float:
    with booking(file, journal) as process:
        begun = time.monotonic()
        process.communicate()
        return time.monotonic() - begun


def booking_was_killed(file: Path, journal: str, after: float) -> bool:
    with booking(file, journal) as process:
        return killed(process, after)


def has_events(journal: str) -> bool:
    stats = [sys.executable, "-m", "casty", "journal", "stats", journal, "--json"]
    counted = subprocess.run(stats, capture_output=True, text=True, timeout=200, check=False)
    # It is refused where all were killed before they had created its tables.
    return counted.returncode == 0 and json.loads(counted.stdout)["events"] > 0


@contextmanager
def booking(file: Path, journal: str) -> Generator[subprocess.Popen[str]]:
    """A process that has read the file and begins to book."""
    with subprocess.Popen(
        command("ledger.py", file, "--journal", journal), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def test_out_of_disk_space_it_says_so_and_resumes(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    write_transactions(file, rows=5_000, accounts=20, seed=1)
    # No file of the process grows beyond 500 blocks: to SQLite that is a disk without space.
    limited = f"ulimit -f 500; exec {shlex.join(command('ledger.py', file))}"
    stopped = subprocess.run(
        ["sh", "-c", limited], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert stopped.returncode == 1
    assert "run this again to continue" in stopped.stderr
    assert_resumes(file, tmp_path)


def assert_resumes(file: Path, folder: Path, *arguments: str) -> None:
    finished = run_example("ledger.py", file, *arguments, "--json", "out.json", cwd=folder)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert " 0 booked before" not in finished.stdout
    assert json.loads((folder / "out.json").read_text()) == balances_of(file)
