"""Every simulation with seeds that were never used before.

python -m tests.simulation.fresh --seeds 1000

Takes hours of both cores for a thousand. The seeds are drawn at random and run in blocks, each with a line for every
test that failed, so that an interrupted run has shown something.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from random import SystemRandom
from typing import Final

WITHOUT_LOGS: Final = ("-p", "no:logging", "--deselect", "tests/simulation/test_story.py", "tests/simulation")
"""The log of each seed would be kept in memory."""
WITH_LOGS: Final = ("tests/simulation/test_story.py",)


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
    print(f"  {finished.stdout.strip().splitlines()[-1]}", flush=True)
    return finished.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--block", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, help="the first seed; drawn at random without it")
    given = parser.parse_args()
    first = SystemRandom().randrange(10**6, 10**9) if given.first is None else given.first
    passed = True
    for block in blocks(first, given.seeds, given.block):
        print(f"seeds {block}", flush=True)
        for arguments in (WITHOUT_LOGS, WITH_LOGS):
            passed &= run(block, arguments)
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
