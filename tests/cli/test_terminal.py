"""Results on standard output, everything else on standard error; progress bars only on a terminal."""

import os
import pty
import subprocess
import sys

from tests.architecture.source import ROOT
from tests.cli.commands import documents, finished, journal
from tests.cli.histories import Place, deposits


def test_without_a_terminal_there_is_the_result_and_nothing_else(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 3))
    for command in (("stats",), ("verify",), ("ids", "--count")):
        run = finished(*command, "--json", *sqlite.arguments)
        assert (run.returncode, run.stderr) == (0, "")
        assert len(documents(run.stdout)) == 1


def test_on_a_terminal_there_is_a_bar_beside_the_result(sqlite: Place) -> None:
    sqlite.write(deposits("a", 1, 3))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "casty", "journal", "verify", "--json", *sqlite.arguments],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        output, _ = process.communicate(timeout=200)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65_536):
            seen += chunk
    except OSError:  # the other end is closed, and all is read
        os.close(ours)
    assert process.returncode == 0
    assert len(documents(output)) == 1
    assert b"events in their order" in seen


def test_a_reader_that_has_seen_enough_is_no_error(sqlite: Place) -> None:
    sqlite.write(*(deposits(f"{number:05}", 1, 1) for number in range(20_000)))
    command = [sys.executable, "-m", "casty", "journal", "ids", *sqlite.arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "00000\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_what_the_terminal_cannot_show_is_escaped(sqlite: Place) -> None:
    sqlite.write(deposits("kůň", 1, 1))
    command = [sys.executable, "-m", "casty", "journal", "ids", *sqlite.arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=200)
    assert run.stdout == "k\\u016f\\u0148\n"


def test_help_tells_of_every_command() -> None:
    text = journal("--help")
    for command in ("ids", "show", "stats", "export", "import", "verify"):
        assert f"  {command} " in text
        assert journal(command, "--help").startswith("Usage: ")
