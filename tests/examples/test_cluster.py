"""Three processes, of which one is killed and comes back: what is shown of it, in its order."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.examples.programs import command, run_example

STORY = r"""
all three are one cluster, and draw tickets at one machine
(?P<victim>\w+), where the machine is, is killed
the others have noticed that they cannot reach (?P=victim)
they have given (?P=victim) up: it is no member any more
there is a machine again
it is at (?P<heir>\w+), and counts from 1
(?P=victim) is back, as another member, and draws tickets at that machine
ada was told to end, and has left in order: exit code 143
barbara was told to end, and has left in order: exit code 143
clara was told to end, and has left in order: exit code 143
""".strip()


def test_it_shows_how_a_cluster_outlives_one_of_its_processes(tmp_path: Path) -> None:
    finished = run_example("cluster.py", cwd=tmp_path)
    assert (finished.stderr, finished.returncode) == ("", 0)
    told = "\n".join(re.findall(r"^ *\d+\.\d s  (.*)$", finished.stdout, re.M))
    matched = re.fullmatch(STORY, told)
    assert matched is not None, told
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
        assert any("all three are one cluster" in line for line in process.stdout)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (130, "")
