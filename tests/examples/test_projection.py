"""The ledger by months: beside a journal that is in use, again with nothing new, and without a journal."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from casty.journal import SqliteJournal

from tests.examples.programs import EXAMPLES, run_example

HEADER = "trans_id,account_id,date,type,operation,amount\n"


def months_of(path: Path) -> list[str]:
    """The lines that are wanted: folded here once more, without any code of the examples."""
    amounts, bookings = defaultdict[str, Decimal](Decimal), defaultdict[str, int](int)
    with path.open(newline="") as rows:
        for row in csv.DictReader(rows):
            month = row["date"][:7]
            amounts[month] += Decimal(row["amount"]) * (1 if row["type"] == "credit" else -1)
            bookings[month] += 1
    balance, lines = Decimal(), list[str]()
    for month in sorted(amounts):
        balance += amounts[month]
        lines.append(f"{month} {balance:>18,.2f} after {bookings[month]:,} bookings")
    return lines


def test_months_follow_the_ledger(tmp_path: Path) -> None:
    run_example("ledger.py", cwd=tmp_path)
    wanted = months_of(EXAMPLES / "transactions.csv")
    assert len(wanted) > 1
    for new in (120, 0):
        finished = run_example("projection.py", cwd=tmp_path)
        assert (finished.stderr, finished.returncode) == ("", 0)
        assert finished.stdout.splitlines() == [f"{new} new bookings in transactions.db", *wanted]


async def test_a_journal_in_use_is_read_on(tmp_path: Path) -> None:
    first, second = "1,a,1993-01-31,credit,,100.0001\n", "2,b,1993-02-01,debit,,0.00\n3,a,1993-01-02,debit,,0.01\n"
    for rows, new in ((first, 1), (first + second, 2)):
        (tmp_path / "more.csv").write_text(HEADER + rows)
        run_example("ledger.py", "more.csv", cwd=tmp_path)
        async with SqliteJournal(tmp_path / "more.db") as owner:
            await owner.open()
            finished = run_example("projection.py", "more.db", cwd=tmp_path)
        assert finished.stdout.splitlines() == [f"{new} new bookings in more.db", *months_of(tmp_path / "more.csv")]


def test_without_a_journal_it_says_so(tmp_path: Path) -> None:
    finished = run_example("projection.py", "missing.db", cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.startswith("stopped: there is no SQLite journal missing.db to read")
