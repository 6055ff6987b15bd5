"""No test may leave anything behind: a task, a thread, an open file, an error that only the event loop saw.

Warnings, unraisable exceptions and exceptions of threads are errors by `filterwarnings` in pyproject.toml.
"""

import asyncio
import gc
import logging
import os
import shutil
import signal
import threading
import traceback
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import override
from zlib import crc32

import pytest
from pytest_asyncio import is_async_test

from tests.forks.popen import ForkServer, fork_programs

LONG = (
    "tests/benchmarks",
    "tests/chaos",
    "tests/cluster/protocol/bulk/test_simulation.py",
    "tests/cluster/protocol/downing/test_every_split.py",
    "tests/cluster/protocol/membership/test_simulation.py",
    "tests/cluster/protocol/replication/test_exhaustive.py",
    "tests/cluster/protocol/replication/test_explorer.py",
    "tests/cluster/protocol/sharding/test_explorer.py",
    "tests/conformance/test_mutants.py",
    "tests/simulation",
    "tests/soak",
)
"""Tests that look for the improbable, in many histories or for a long time: they are marked `long`."""
BEGIN_EARLY = (*LONG, "tests/examples")
OPEN_FILES = Path("/proc/self/fd")
THREAD_GRACE = 1.0
"""Seconds that a thread may take to end after its last use; waited for only if one is left."""


class LoopErrors(logging.Handler):
    """Errors that default exception handlers of event loops have logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reports: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.reports.append(logging.Formatter().format(record))

    def take(self) -> list[str]:
        # A task's exception is reported when the task is collected, and its traceback keeps it in a cycle.
        gc.collect(1)
        reports, self.reports = self.reports, []
        return reports


LOOP_ERRORS = LoopErrors()
LATE = "loop_errors_after_the_last_test"
"""The key under which a worker of pytest-xdist hands them to the process that reports."""


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger("asyncio").addHandler(LOOP_ERRORS)
    share_bytecode(config)
    server = ForkServer()
    config.add_cleanup(server.close)
    fork_programs(server)
    # A shell lets what it starts in the background ignore SIGINT, and all processes that tests interrupt inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_out_long_tests(config)


def leave_out_long_tests(config: pytest.Config) -> None:
    """Of all tests, run those that are not `long`; of tests that the command line names, run all."""
    names_tests = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    if not (names_tests or config.option.keyword or config.option.markexpr):
        config.option.markexpr = "not long"


def share_bytecode(config: pytest.Config) -> None:
    """Let the hundreds of processes that tests start compile each module once.

    Where Python may write no bytecode, as in many containers, each of them would compile all of its modules again,
    which is about half of its time. Workers inherit the folder.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        folder = TemporaryDirectory(prefix="casty-tests-bytecode-")
        config.add_cleanup(folder.cleanup)
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker begin with other folders: what one has compiled, the others find, as long as they are elsewhere.

    All of them collect everything. Side by side they would compile each file at the same time, for a quarter of a
    minute. Their order afterwards is the same, see `pytest_collection_modifyitems`.
    """
    report = yield
    if isinstance(collector, pytest.Dir) and report.passed:
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        first = len(report.result) * worker // workers
        report.result = report.result[first:] + report.result[:first]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the files: tests that wait are neighbours in their folder; side by side they would leave the machine idle.

    The order is the same in each run and in each worker. Files that take long begin in its first half.
    """
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker("long")

    def place(item: pytest.Item) -> float:
        file = item.nodeid.partition("::")[0]
        return crc32(file.encode()) * (0.5 if file.startswith(BEGIN_EARLY) else 1.0)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    # Thousands of tests and their modules stay until the end: no collection in a test has to look at them again.
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    gc.collect()
    reports = LOOP_ERRORS.take()
    worker: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if worker is not None:
        worker[LATE] = reports  # the exit status and the output of a worker are ignored
    elif reports:
        print("\nevent loops reported errors after the last test:", *reports, sep="\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node: object) -> None:
    output: dict[str, list[str]] = getattr(node, "workeroutput", {})  # a worker that crashed has none
    LOOP_ERRORS.reports += output.get(LATE, [])


@pytest.fixture
def loop_errors() -> list[str]:
    """What event loops have reported so far in this test, which then does not fail for it."""
    return LOOP_ERRORS.reports


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set up before a test's other fixtures, and so looks when they are gone, the event loop included."""
    threads, files = set(threading.enumerate()), open_files()
    yield
    reports = LOOP_ERRORS.take()
    if reports and "loop_errors" not in request.fixturenames:
        pytest.fail("the event loop's exception handler was called:\n" + "\n".join(reports), pytrace=False)
    if left := [describe_thread(t) for t in threading.enumerate() if t not in threads and outlives_grace(t)]:
        pytest.fail("threads are still running: " + ", ".join(left), pytrace=False)
    if opened := open_files() - files:
        listing = ", ".join(f"{number} -> {target}" for number, target in sorted(opened))
        pytest.fail(f"file descriptors are still open: {listing}", pytrace=False)


@pytest.fixture(autouse=True)
def leaves_no_tasks(request: pytest.FixtureRequest, leaves_nothing_behind: None) -> None:
    """A synchronous test has no event loop of its own and must not pay for one."""
    if is_async_test(request.node):
        request.getfixturevalue("all_tasks_done")


@pytest.fixture
async def all_tasks_done() -> AsyncIterator[None]:
    """Looks when the test's other async fixtures are gone, before the event loop cancels what is left."""
    yield
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        pytest.fail("tasks are still pending:\n" + "\n".join(map(describe_task, left)), pytrace=False)


def describe_task(task: "asyncio.Task[object]") -> str:
    frames = [frame for suspended in task.get_stack() for frame in traceback.extract_stack(suspended, limit=1)]
    return f"{task.get_name()}: {task.get_coro()!r}\n" + "".join(traceback.format_list(frames))


def outlives_grace(thread: threading.Thread) -> bool:
    thread.join(THREAD_GRACE)
    return thread.is_alive()


def describe_thread(thread: threading.Thread) -> str:
    target: object = getattr(thread, "_target", None)
    return f"{thread.name} ({type(thread).__qualname__}, target {getattr(target, '__qualname__', target)})"


def open_files() -> set[tuple[int, str]]:
    """File descriptors with what they point to; nothing where the system does not tell."""
    try:
        numbers = os.listdir(OPEN_FILES)
    except FileNotFoundError:
        return set()
    found: set[tuple[int, str]] = set()
    for number in numbers:
        try:
            found.add((int(number), os.readlink(OPEN_FILES / number)))
        except FileNotFoundError:  # the one through which the folder was listed
            continue
    return found


@pytest.fixture(scope="session")
def uv() -> str:
    """`uv run` says where it is; without it, the one on the PATH."""
    path = os.environ.get("UV") or shutil.which("uv")
    assert path, "these tests build wheels with uv; run them with: uv run pytest"
    return path


@pytest.fixture
def own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test run the seeds that it names: `CASTY_SIM_SEEDS=1000 pytest` is meant for scenarios."""
    for name in ("CASTY_SIM_SEED", "CASTY_SIM_SEEDS", "CASTY_SIM_CHECK_DETERMINISM"):
        monkeypatch.delenv(name, raising=False)
