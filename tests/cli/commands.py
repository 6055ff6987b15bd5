"""Commands in this process, and in processes of their own."""

import json
import subprocess
import sys
from typing import Any

from casty_cli.app import app
from typer.testing import CliRunner

from tests.architecture.source import ROOT


def journal(*arguments: str, code: int = 0) -> str:
    """What `casty journal …` prints in this process, once it has ended with that code."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 or result.stdout else result.stderr


def complaint(*arguments: str, code: int) -> str:
    """The one line on standard error of a command that ends with that code."""
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("casty: ")
    return line


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents, one on each line."""
    return [json.loads(line) for line in text.splitlines()]


def process(*arguments: str) -> "subprocess.Popen[str]":
    """`python -m casty journal …`, running."""
    return _module("casty", "journal", *arguments)


def halting(after: int, *arguments: str) -> "subprocess.Popen[str]":
    """The same, which stops itself once it has moved more than so many events."""
    return _module("tests.cli.halting", str(after), "journal", *arguments)


def _module(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error", "-m", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`python -m casty journal …`, when it has ended."""
    with process(*arguments) as running:
        output, errors = running.communicate(timeout=200)
    return subprocess.CompletedProcess(arguments, running.returncode, output, errors)
