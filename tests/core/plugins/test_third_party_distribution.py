"""A distribution that Casty does not know is built, installed beside it and found by its URL's scheme."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "plugins" / "casty-journal-example"

USE_IT = """
import asyncio, sys
from casty.plugins import PluginRegistry, build_options
from casty.spi.journal import EventRecord

async def main():
    provider = PluginRegistry.discover().journal("example://")
    async with provider.open("example://" + sys.argv[1], build_options(provider, {})) as store:
        event = EventRecord("a", 1, 0, "w", bytes(16), "test.Done", 1, b"", 0.0, ())
        print(await store.append([[event]]), await store.highest_sequence_nr("a"))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def installed(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example's wheel was installed, with nothing else."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("target")
    run([uv, "build", "--python", sys.executable, "--wheel", "--out-dir", str(wheels), str(PROJECT)])
    (wheel,) = wheels.glob("*.whl")
    run([uv, "pip", "install", "--python", sys.executable, "--no-deps", "--target", str(target), str(wheel)])
    return target


def run(command: Sequence[str | Path], **environment: str) -> str:
    """Runs it elsewhere, so that nothing is found because it lies in the working directory; its output."""
    done = subprocess.run(
        command,
        cwd=Path(sys.prefix),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_found_by_its_scheme_and_works(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert run([sys.executable, "-c", USE_IT, str(file)], PYTHONPATH=str(installed)) == "[None] 1\n"
    assert "test.Done" in file.read_text()


def test_it_is_listed(installed: Path) -> None:
    listing = run([sys.executable, "-m", "casty", "plugins"], PYTHONPATH=str(installed))
    rows = [line.split() for line in listing.splitlines()]
    assert ["casty-journal-example", "1.0.0", "example", "journal", "example", "1", "ok"] in rows
    assert ["casty-journal-example", "1.0.0", "example", "codec", "fraction", "1", "ok"] in rows


def test_its_own_tests_pass(installed: Path) -> None:
    output = run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PROJECT)],
        PYTHONPATH=str(installed),
    )
    assert " passed" in output


def test_nothing_of_casty_names_it() -> None:
    packages = Path(__file__).parents[3] / "packages"
    assert not [path for path in packages.rglob("*.py") if "casty_journal_example" in path.read_text()]
