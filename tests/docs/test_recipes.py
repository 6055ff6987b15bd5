"""The recipes' programs as services: real processes that start, work and end in good order when they are asked to."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from casty import load_config

from tests.architecture.source import ROOT, pyproject
from tests.docs.page import steps
from tests.docs.test_guide import GUIDE

STOPPED = "the actor has stopped\n"


def write_files(recipe: str, folder: Path) -> None:
    """All files that the page shows."""
    for step in steps(GUIDE / f"recipe-{recipe}.md"):
        if step.file is not None:
            (folder / step.file).write_text(step.text)


@contextmanager
def running(*command: str | Path, folder: Path) -> "Generator[subprocess.Popen[str]]":
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # nothing happens if it has ended


def line_with(pattern: str, process: "subprocess.Popen[str]") -> re.Match[str]:
    """Wait for a line of output in which the pattern is found; the test's own timeout bounds it."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"no line with {pattern!r} in the output:\n{seen}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_in_good_order(number: signal.Signals, tmp_path: Path) -> None:
    write_files("systemd", tmp_path)
    with running(sys.executable, "-W", "error", "service.py", folder=tmp_path) as process:
        line_with("^ready$", process)
        process.send_signal(number)
        output, _ = process.communicate()
    assert (process.returncode, output) == (0, STOPPED)


def may_make_namespaces() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "--pid", "--fork", "true"], check=False).returncode == 0


@pytest.mark.skipif(not may_make_namespaces(), reason="no process namespaces for this user")
def test_the_service_ends_in_good_order_as_process_1(tmp_path: Path) -> None:
    """As in a container, where a signal without a handler is ignored."""
    write_files("systemd", tmp_path)
    command = ("unshare", "--pid", "--fork", "--kill-child", sys.executable, "service.py")
    with running(*command, folder=tmp_path) as process:
        line_with("^ready$", process)
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        output, _ = process.communicate()
    assert (process.returncode, output) == (0, STOPPED)


def test_the_web_service_keeps_what_it_has_acknowledged_when_it_is_stopped(tmp_path: Path) -> None:
    write_files("fastapi", tmp_path)
    for balance in (50, 100):
        command = (sys.executable, "-m", "uvicorn", "app:app", "--port", "0")
        with running(*command, folder=tmp_path) as process:
            url = line_with(r"running on (http://[\d.:]+)", process)[1]
            with urlopen(f"{url}/accounts/ada/deposits?amount=50", data=b"") as response:
                assert json.load(response) == balance
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate()
        assert "Application shutdown complete" in output
        assert "Traceback" not in output
        assert process.returncode in {0, -signal.SIGTERM}, output


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    write_files("systemd", tmp_path)
    unit = tmp_path / "bank.service"
    # It looks for the program that the unit starts.
    unit.write_text(unit.read_text().replace("/opt/bank/bin/python", sys.executable))
    accepted = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=200
    )
    assert (accepted.returncode, accepted.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("TimeoutStopSec=30", "TimeoutStopSec=soon"))
    refused = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=200
    )
    assert "Failed to parse time value" in refused.stderr


def test_the_dockerfile_starts_what_the_page_says(tmp_path: Path) -> None:
    write_files("docker", tmp_path)
    lines = [line.split(maxsplit=1) for line in (tmp_path / "Dockerfile").read_text().splitlines()[1:]]
    assert [name for name, _ in lines] == ["FROM", "WORKDIR", "RUN", "COPY", "RUN", "USER", "ENV", "CMD"]
    install, command = lines[2][1], lines[-1][1]
    assert f"[postgres,cli]=={pyproject(ROOT)['project']['version']}" in install
    assert json.loads(command) == ["python", "service.py"]  # a list: Python gets the signals itself
    assert load_config(tmp_path / "casty.toml").journal.url == "postgresql://bank@db/bank"
