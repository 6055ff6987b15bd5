"""The fixtures as a project elsewhere finds them: with pytest-asyncio in its strict mode, and without it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import asyncio, threading
import pytest
from casty.testing import ManualClock, TestProbe

forever = threading.Event()

def test_time_needs_no_loop(manual_time):
    assert isinstance(manual_time, ManualClock)

@pytest.mark.asyncio
async def test_system_and_probe(actor_system, probe):
    watcher = probe("watcher")
    actor_system.lookup("/watcher").tell("x")
    await watcher.expect_message("x")
    assert actor_system.kernel.clock is asyncio.get_running_loop()

@pytest.mark.asyncio
async def test_system_on_manual_time(manual_time, probe, actor_system):
    watcher = probe()
    actor_system.schedule("key", watcher.ref, "x", delay=3600.0)
    await manual_time.advance(3600.0)
    await watcher.expect_message("x")

@pytest.mark.asyncio
async def test_leaves_nothing(no_leaks, actor_system):
    asyncio.create_task(asyncio.sleep(0)), threading.Thread(target=int).start()
    await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_leaves_a_task(no_leaks):
    test_leaves_a_task.kept = asyncio.create_task(asyncio.sleep(60), name="left-over")

@pytest.mark.asyncio
async def test_leaves_a_thread(no_leaks):
    threading.Thread(target=forever.wait, name="left-over", daemon=True).start()
"""


LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"
WITHOUT_PYTEST_ASYNCIO = """
import sys
class Hiding:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pytest_asyncio":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hiding)
"""


PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing.md"


def outcomes(folder: Path, *options: str, tests: str = TESTS, before: str = "") -> dict[str, str]:
    """What pytest says about each test, run by an interpreter that has executed `before`."""
    (folder / "test_elsewhere.py").write_text(tests)
    program = f"{before}\nimport sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))"
    run = subprocess.run(
        [sys.executable, "-c", program, "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:timeout", *options],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_elsewhere\.py::(\w+)(.*)$", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return {name: outcome + reason for outcome, name, reason in sorted(found, key=lambda f: f[0] == "ERROR")}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outcomes(tmp_path_factory.mktemp("strict"), "--asyncio-mode=strict", "-o", LOOP_SCOPE, "-W", "error")


@pytest.mark.parametrize(
    "test", ["test_time_needs_no_loop", "test_system_and_probe", "test_system_on_manual_time", "test_leaves_nothing"]
)
def test_fixtures_work_in_strict_mode(strict: dict[str, str], test: str) -> None:
    assert strict[test] == "PASSED"


@pytest.mark.parametrize("test", ["test_leaves_a_task", "test_leaves_a_thread"])
def test_leaks_are_found_and_named(strict: dict[str, str], test: str) -> None:
    assert re.match("ERROR .*the test left running:", strict[test])


def test_without_pytest_asyncio_the_fixtures_say_what_is_missing(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "-p", "no:asyncio", "--assert=plain", before=WITHOUT_PYTEST_ASYNCIO)
    assert found["test_time_needs_no_loop"] == "PASSED"
    assert (
        "the fixture actor_system needs pytest-asyncio; run: pip install pytest-asyncio"
        in found["test_system_and_probe"]
    )


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    shown = "\n".join(block for block in blocks if "def test_" in block)
    found = outcomes(tmp_path, "--asyncio-mode=auto", tests=shown)
    assert found == {"test_an_order_is_accepted": "PASSED", "test_reminds_after_an_hour": "PASSED"}


def test_the_kit_itself_does_without_pytest() -> None:
    program = "import sys, casty.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_casty_does_without_the_kit() -> None:
    program = "import sys, casty; sys.exit('casty.testing' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
