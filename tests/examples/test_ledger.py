"""The ledger as its users meet it: good files, bad files, no journal, twice, and a journal that is taken."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
import time
from array import array
from pathlib import Path
from typing import IO

import pytest
from casty.journal import SqliteJournal

from tests.examples.programs import BERKA, EXAMPLES, balances_of, command, run_example

HEADER = "trans_id,account_id,date,type,operation,amount\n"


def test_without_arguments_it_books_its_own_file_here(tmp_path: Path) -> None:
    finished = run_example("ledger.py", "--json", "out.json", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "120 booked and 0 booked before" in finished.stdout
    assert "8 accounts" in finished.stdout
    assert "\x1b" not in finished.stdout  # no terminal, so no colours and no bar
    assert json.loads((tmp_path / "out.json").read_text()) == balances_of(EXAMPLES / "transactions.csv")
    assert (tmp_path / "transactions.db").exists()


def test_a_second_run_books_nothing_again(tmp_path: Path) -> None:
    first, second = (run_example("ledger.py", cwd=tmp_path) for _ in range(2))
    assert "0 booked and 120 booked before" in second.stdout
    assert first.stdout.partition("Totals")[2] == second.stdout.partition("Totals")[2]
    assert second.returncode == 0


def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        subprocess.run(command("ledger.py"), cwd=tmp_path, stdout=inside, check=True, timeout=200)
        os.close(inside)
        output = b""
        try:
            while part := screen.read(4096):
                output += part
        except OSError:  # how a terminal reports that its last writer is gone
            pass
    assert b"120/120" in output


@pytest.mark.skipif(not BERKA.exists(), reason=f"the real file is not there: {BERKA}")
def test_the_real_file(tmp_path: Path) -> None:
    finished = run_example("ledger.py", BERKA, "--json", "out.json", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "49,102 booked and 0 booked before" in finished.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert len(written) == 1_229
    assert written == balances_of(BERKA)


BAD_ROWS = {
    "2,a,1993-01-01,credit,,12x": "column amount: '12x' is not an amount",
    "3,a,1993-01-01,credit,,-1.00": "column amount: '-1.00' is not an amount",
    "4,a,1993-01-01,credit,,NaN": "column amount: 'NaN' is not an amount",
    "5,a,1993-01-01,credit,,": "column amount: '' is not an amount",
    "6,a,1993-02-30,credit,,1.00": "column date: '1993-02-30' is not a date",
    "7,a,1993-01-01,transfer,,1.00": "column type: 'transfer' is neither credit nor debit",
    ",a,1993-01-01,credit,,1.00": "column trans_id: '' is not an identifier",
    "9,a/b,1993-01-01,credit,,1.00": "column account_id: 'a/b' is not an identifier",
    "10,a,1993-01-01,credit,1.00": "the row has 5 columns where the header has 6",
    "11,a,1993-01-01,credit,,1.00,": "the row has 7 columns where the header has 6",
    '12,a,1993-01-01,credit,"never closed,1.00': "the row cannot be parsed",
    "13,a,1993-01-01,credit,caf\udce9,1.00": "column operation: 'caf\\udce9' is not UTF-8",
    "1,a,1993-01-01,credit,,1.50": "column trans_id: '1' was booked before with another amount",
}


def test_a_bad_row_is_named_and_all_others_are_booked(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    rows = ["1,a,1993-01-01,credit,,100.00", *BAD_ROWS, "", "99,a,1993-01-02,debit,,0.01"]
    file.write_text(HEADER + "\n".join(rows), errors="surrogateescape")
    finished = run_example("ledger.py", "bad.csv", "--json", "out.json", cwd=tmp_path)
    reports = finished.stderr.splitlines()
    for line, (row, reason) in enumerate(BAD_ROWS.items(), 3):
        assert any(report.startswith(f"bad.csv:{line}: {reason}") for report in reports), (row, finished.stderr)
    assert reports[len(BAD_ROWS) :] == ["13 rows were not booked, for the reasons above; all other rows were"]
    assert "2 booked and 0 booked before" in finished.stdout
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": "99.99"}
    assert finished.returncode == 1


def test_a_repeated_row_counts_once(tmp_path: Path) -> None:
    row = "1,a,1993-01-01,credit,,100.00\n"
    (tmp_path / "again.csv").write_text(HEADER + row + "1,b,1993-01-01,credit,,2.00\n" + row)
    finished = run_example("ledger.py", "again.csv", "--json", "out.json", cwd=tmp_path)
    assert "2 booked and 1 booked before" in finished.stdout
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": "100.00", "b": "2.00"}
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory: 'file.csv'"),
        ("", "file.csv:1: the file is empty"),
        ("trans_id,account_id,date,type,sum\n1,2,3,4,5\n", "file.csv:1: the header lacks operation, amount"),
    ],
)
def test_a_file_that_is_none_is_refused(content: str | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "file.csv").write_text(content)
    finished = run_example("ledger.py", "file.csv", cwd=tmp_path)
    assert reason in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
    assert finished.returncode == 2


@pytest.mark.parametrize(
    ("journal", "reason"),
    [("nowhere://x", "no journal named 'nowhere'"), ("sqlite:///no/such/folder.db", "create its directory")],
)
def test_a_journal_that_cannot_be_used_is_named_once(journal: str, reason: str, tmp_path: Path) -> None:
    finished = run_example("ledger.py", "--journal", journal, cwd=tmp_path)
    assert finished.stderr.count(reason) == 1
    assert "account" not in finished.stderr
    assert finished.returncode == 1


def test_balances_that_disagree_are_reported(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(HEADER + "1,a,1993-01-01,credit,,1.00\n")
    (tmp_path / "two.csv").write_text(HEADER + "2,a,1993-01-01,credit,,2.00\n")
    run_example("ledger.py", "one.csv", "--journal", "sqlite:///shared.db", cwd=tmp_path)
    finished = run_example("ledger.py", "two.csv", "--journal", "sqlite:///shared.db", cwd=tmp_path)
    assert "DIFFERS" in finished.stdout
    assert "1 of 1 balances differ" in finished.stderr
    assert finished.returncode == 1


async def test_a_ledger_whose_journal_another_process_owns_says_so_and_books_nothing(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "shared.db"):
        refused = await asyncio.to_thread(run_example, "ledger.py", "--journal", "sqlite:///shared.db", cwd=tmp_path)
    assert refused.returncode == 1
    assert f"shared.db is open in another process, {os.getpid()}" in refused.stderr
    booked = await asyncio.to_thread(run_example, "ledger.py", "--journal", "sqlite:///shared.db", cwd=tmp_path)
    assert "120 booked and 0 booked before" in booked.stdout


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    """Also while the file is read, which here never ends."""
    os.mkfifo(tmp_path / "endless.csv")
    with (
        subprocess.Popen(
            command("ledger.py", "endless.csv"), cwd=tmp_path, stderr=subprocess.PIPE, text=True
        ) as process,
        (tmp_path / "endless.csv").open("w") as rows,
    ):  # opened once the ledger has opened it
        rows.write(HEADER)
        rows.flush()
        wait_for_reader(rows, process.pid)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=200)
    assert errors == "interrupted; booked transactions are safe: run this again to continue\n"
    assert process.returncode == 130


def wait_for_reader(pipe: IO[str], pid: int) -> None:
    """Wait until the process has read all of the pipe, and sleeps until more comes.

    Python sees a signal that arrives immediately before a read blocks only when the read returns.
    """
    unread, stat = array("i", [1]), Path(f"/proc/{pid}/stat")
    while unread[0] or stat.read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)
        fcntl.ioctl(pipe, termios.FIONREAD, unread)
