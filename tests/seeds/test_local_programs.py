"""The seed documents' complete programs run exactly as they are written, and print what the documents promise."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.seeds.programs import needs_seeds, programs

OUTPUT: dict[tuple[str, int], tuple[str, ...]] = {
    ("000", 0): ("Hello, Alice!", "Hello, Bob!"),
    ("001", 0): ("Hello, Alice!",),
    ("002", 0): ("Hello, Alice!", "Hello, Bob!"),
    ("003", 0): ("Hello, Alice!", "Hello, Bob!"),
    ("003", 1): (),
    ("003", 2): ("Balance: 100", "Withdraw: insufficient funds (balance=100)"),
    ("003", 3): ("[alice] working on: implement login", "[bob] working on: write tests"),
    ("003", 4): ("Processed: hello",),
    ("003", 5): ("Total: $100.00", "Receipt: 2 items, $100.00"),
    ("003", 6): ("Balance: 1500, transactions: 2", "Recovered balance: 1500, transactions: 2"),
}
"""What each local program prints, by its document's number and its place in it."""
CLUSTERED = {("003", 7), ("003", 8), ("003", 9)}
"""Programs that need a cluster: `test_clustered_programs` runs those that this version can."""

pytestmark = needs_seeds


def test_every_program_is_known_as_local_or_clustered() -> None:
    clustered = {place for place, text in programs().items() if "Cluster" in text}
    assert clustered == CLUSTERED
    assert programs().keys() - clustered == OUTPUT.keys()


@pytest.mark.parametrize(("document", "number"), OUTPUT)
def test_it_prints_what_it_promises(document: str, number: int, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(programs()[document, number], encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert tuple(finished.stdout.splitlines()) == OUTPUT[document, number]
    assert finished.returncode == 0, finished.stderr
