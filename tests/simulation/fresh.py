"""Every simulation with seeds that were never used before, or those that are named.

python -m tests.simulation.fresh --seeds 1000
python -m tests.simulation.fresh --seeds 1000 tests/simulation/test_cluster.py

Takes 16 hours of a core for a thousand seeds of all. The seeds are drawn at random and run in blocks, each with a line
for every test that failed, so that an interrupted run has shown something.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from random import SystemRandom
from typing import Final

ALL: Final = "tests/simulation"
READS_LOGS: Final = "tests/simulation/test_story.py"
WITHOUT_LOGS: Final = ("-p", "no:logging", "--deselect", READS_LOGS)
"""For all others, because the log of each seed is kept in memory."""


def blocks(first: int, seeds: int, size: int) -> Iterator[str]:
    for start in range(first, first + seeds, size):
        yield f"{start}:{min(start + size, first + seeds)}"


def run(block: str, arguments: Sequence[str]) -> bool:
    """Run these tests with the seeds of a block. Returns whether all have passed."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--timeout", "0", *arguments]
    environment = os.environ | {"CASTY_SIM_SEEDS": block}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    for line in finished.stdout.splitlines():
        if line.startswith(("FAILED", "ERROR")) or "run it again:" in line:
            print(f"  {line.removeprefix('E').strip()}", flush=True)
    lines = finished.stdout.strip().splitlines() or [
        f"it has printed nothing, and has ended with {finished.returncode}"
    ]
    print(f"  {lines[-1]}", flush=True)
    return finished.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--block", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, help="the first seed; drawn at random without it")
    parser.add_argument("tests", nargs="*", default=[ALL], help="files or folders; all without any")
    given = parser.parse_args()
    runs: list[Sequence[str]] = [(READS_LOGS,)] if {ALL, READS_LOGS} & {*given.tests} else []
    if others := [path for path in given.tests if path != READS_LOGS]:
        runs.append((*WITHOUT_LOGS, *others))
    first = SystemRandom().randrange(10**6, 10**9) if given.first is None else given.first
    passed = True
    for block in blocks(first, given.seeds, given.block):
        print(f"seeds {block}", flush=True)
        for arguments in runs:
            passed &= run(block, arguments)
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
