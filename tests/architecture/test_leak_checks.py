"""Holds tests/conftest.py to its word: each kind of leak fails its test, and the message names it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

CULPRITS = {
    "test_task": "tasks are still pending:.*left-over.*forever",
    "test_task_exception": "exception handler was called:.*never retrieved",
    "test_task_exception_of_a_loop_of_its_own": "exception handler was called:.*ZeroDivisionError",
    "test_thread": r"threads are still running: left-over \(Thread, target Event\.wait\)",
    "test_thread_exception": "PytestUnhandledThreadExceptionWarning.*failing",
    "test_file": "file descriptors are still open: .*/dev/null",
    "test_socket": "file descriptors are still open: .*socket:",
    "test_unclosed_socket": "ResourceWarning: unclosed <socket",
    "test_finalizer": "RuntimeError: broken finalizer",
    "test_coroutine": "coroutine 'forever' was never awaited",
}
LATE = """
import logging
import pytest

@pytest.fixture(scope="session")
def late():
    yield
    logging.getLogger("asyncio").error("reported late")

def test_passes(late): ...
"""
CLEAN = {"test_asks_for_loop_errors", "test_clean"}


def run_pytest(folder: Path, tests: str, workers: str) -> "subprocess.CompletedProcess[str]":
    """Pytest on these tests, under the project's own conftest and settings."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "tests" / "forks", folder / "tests" / "forks", dirs_exist_ok=True)
    (folder / "test_leaking.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "test_leaking.py", "-p", "no:cacheprovider", "-rN", workers],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest says about each test of `leaking.py`, run under the project's own conftest and settings."""
    folder = tmp_path_factory.mktemp("leaks")
    run = run_pytest(folder, (ROOT / "tests" / "architecture" / "leaking.py").read_text(), "--numprocesses=0")
    sections = re.split(r"^_+ (?:ERROR at \w+ of )?(\w+) _+$", run.stdout, flags=re.MULTILINE)
    reports: dict[str, str] = {}
    for name, text in zip(sections[1::2], sections[2::2], strict=True):
        reports[name] = reports.get(name, "") + text
    return reports


@pytest.mark.parametrize(("test", "culprit"), CULPRITS.items(), ids=CULPRITS)
def test_leak_fails_its_test(report: dict[str, str], test: str, culprit: str) -> None:
    assert re.search(culprit, report.get(test, ""), re.DOTALL), report.get(test, "passed")


def test_nothing_else_fails(report: dict[str, str]) -> None:
    assert not CLEAN & report.keys()
    assert report.keys() == CULPRITS.keys()


@pytest.mark.parametrize("workers", ["--numprocesses=0", "--numprocesses=1"])
def test_an_error_after_the_last_test_fails_the_run(workers: str, tmp_path: Path) -> None:
    run = run_pytest(tmp_path, LATE, workers)
    assert "event loops reported errors after the last test:\nreported late" in run.stdout
    assert "1 passed" in run.stdout
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
