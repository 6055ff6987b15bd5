"""The queue of jobs on three processes: one is killed and restarted, and in the end all are. Its output, in order."""

import re
from pathlib import Path

from tests.examples.programs import run_example

STORY = r"""
the three nodes work, and one of them submits scheduled jobs
160 jobs are submitted, by each node and by a client
(?P<victim>\w+), which submits the scheduled jobs, is killed; \d+ results are recorded
another node submits them
(?P=victim) works again
all 160 jobs have a result
(?P<again>\d+) of them took more than one attempt, and 0 were recorded twice
(?P<progress>\d+) have reported their progress; problems: none
ada was terminated, and has left in order: exit code 143
barbara was terminated, and has left in order: exit code 143
clara was terminated, and has left in order: exit code 143
all nodes start again, and one of them submits scheduled jobs
the schedule goes on where it was; problems: none
ada was terminated, and has left in order: exit code 143
barbara was terminated, and has left in order: exit code 143
clara was terminated, and has left in order: exit code 143
""".strip()
FAILING = 44
"""Jobs of the 160 that fail once."""
PRINTED = 128
"""Those that report how far they are."""


def test_each_job_has_one_result_although_a_process_is_killed(tmp_path: Path) -> None:
    finished = run_example("jobs.py", cwd=tmp_path)
    assert finished.stderr == ""
    reported = "\n".join(re.findall(r"^ *\d+\.\d s  (.*)$", finished.stdout, re.M))
    matched = re.fullmatch(STORY, reported)
    assert matched is not None, reported
    assert int(matched["again"]) >= FAILING
    assert int(matched["progress"]) == PRINTED
    assert finished.returncode == 0
    assert list(tmp_path.iterdir()) == []
