"""The bank on three disks, of which one is lost: its output, in order."""

import re
from pathlib import Path

from tests.examples.programs import run_example

STORY = r"""
three nodes are one cluster, each with a disk of its own
50 deposits are acknowledged
(?P<victim>\w+) is killed, and its disk is wiped; \d+ deposits are acknowledged
50 deposits more are acknowledged by the other two
(?P=victim) is back, with an empty disk
50 deposits more are acknowledged by all three
(?P<count>\d+) deposits of \d+ in all; \d+ had to be repeated
wrong balances: none
ada was terminated, and has left in order: exit code 143
barbara was terminated, and has left in order: exit code 143
clara was terminated, and has left in order: exit code 143
""".strip()


def test_no_deposit_is_lost_with_a_process_and_its_disk(tmp_path: Path) -> None:
    finished = run_example("replicated_bank.py", "--deposits", "50", cwd=tmp_path)
    assert finished.stderr == ""
    reported = "\n".join(re.findall(r"^ *\d+\.\d s  (.*)$", finished.stdout, re.M))
    matched = re.fullmatch(STORY, reported)
    assert matched is not None, reported
    assert int(matched["count"]) >= 150
    assert finished.returncode == 0
    assert list(tmp_path.iterdir()) == []
