"""The example with three processes, of which one is killed and restarted: its output, in order."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.examples.programs import command, run_example

STORY = r"""
the three nodes form one cluster, and draw tickets from one machine
(?P<victim>\w+), which runs the machine, is killed
(?P=victim) is unreachable for both other nodes
(?P=victim) is downed and removed
the machine has restarted
it runs on (?P<heir>\w+), and counts from 1
(?P=victim) is back, as a new member, and draws tickets from that machine
ada was terminated, and has left in order: exit code 143
barbara was terminated, and has left in order: exit code 143
clara was terminated, and has left in order: exit code 143
""".strip()


def test_it_shows_how_a_cluster_survives_the_death_of_a_process(tmp_path: Path) -> None:
    finished = run_example("cluster.py", cwd=tmp_path)
    assert (finished.stderr, finished.returncode) == ("", 0)
    reported = "\n".join(re.findall(r"^ *\d+\.\d s  (.*)$", finished.stdout, re.M))
    matched = re.fullmatch(STORY, reported)
    assert matched is not None, reported
    assert matched["heir"] != matched["victim"]
    assert f"sees {', '.join(f'{name} up' for name in ('ada', 'barbara', 'clara'))}" in finished.stdout
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_all_processes_without_a_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("cluster.py"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert any("form one cluster" in line for line in process.stdout)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (130, "")
