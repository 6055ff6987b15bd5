"""The example with sensors on several processes: one is killed, one joins, and no reading fails in a planned move."""

import os
import pty
import re
import subprocess
from pathlib import Path

from tests.examples.programs import command, run_example

STORY = r"""
three processes run 300 sensors
barbara is killed, with \d+ sensors
the others run its sensors
\d+ readings were under way to it
dora has joined, and taken over a third of the shards
0 readings failed meanwhile
ada was terminated, and has left in order: exit code 143
clara was terminated, and has left in order: exit code 143
dora was terminated, and has left in order: exit code 143
""".strip()


def test_sensors_survive_the_death_of_a_process_and_move_to_a_new_one(tmp_path: Path) -> None:
    finished = run_example("sensors.py", "--sensors", "300", cwd=tmp_path)
    assert (finished.stderr, finished.returncode) == ("", 0)
    reported = "\n".join(re.findall(r"^ *\d+\.\d s  (.*)$", finished.stdout, re.M))
    assert re.fullmatch(STORY, reported) is not None, reported
    assert "dora runs 20 shards, and sees ada, clara, dora" in finished.stdout
    assert "\x1b" not in finished.stdout
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_its_seconds_are_over_and_shows_a_table_on_a_terminal(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        command("sensors.py", "--sensors", "30", "--seconds", "1"), cwd=tmp_path, stdout=end, stderr=subprocess.PIPE
    ) as process:
        os.close(end)
        shown = b""
        try:
            while chunk := os.read(terminal, 65_536):
                shown += chunk
        except OSError:  # the other end of a terminal was closed
            pass
        _, errors = process.communicate(timeout=100)
    os.close(terminal)
    assert (process.returncode, errors) == (0, b"")
    for text in (b"readings", b"barbara", b"was terminated"):
        assert text in shown
