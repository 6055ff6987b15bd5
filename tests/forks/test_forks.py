"""Holds tests/forks to its word: a forked program is a process as any other."""

import os
import signal
import subprocess
import sys
from asyncio import create_subprocess_exec
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

REPORT = """
import json, os, sys
print(json.dumps([__name__, sys.argv, sys.path[0], os.getcwd(), os.getppid(), os.environ["COLOR"], sys.stdin.read()]))
print("complaint", file=sys.stderr)
print(os.getpid(), "casty" in sys.modules)
sys.exit(7)
"""


def python(*arguments: str | Path) -> list[str]:
    return [sys.executable, *map(str, arguments)]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(REPORT)
    return path


@pytest.fixture
def endless(program: Path) -> Path:
    program.write_text("import time; print('runs', flush=True); time.sleep(600)")
    return program


@pytest.mark.parametrize("form", ["file", "module", "code"])
def test_a_program_sees_what_a_new_interpreter_would_show_it(form: str, program: Path, tmp_path: Path) -> None:
    command = {"file": (program.name,), "module": ("-m", "program"), "code": ("-c", REPORT)}[form]
    environment = {**os.environ, "COLOR": "green"}
    with subprocess.Popen(
        python(*command, "first", "second"),
        cwd=tmp_path,
        env=environment,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    ) as process:
        output, complaint = process.communicate("input", timeout=200)
    name, has_loaded_casty = {"file": (program.name, True), "module": (str(program), True), "code": ("-c", False)}[form]
    folder = "" if form == "code" else str(tmp_path)
    seen, number = output.splitlines()
    argv = f'["{name}", "first", "second"]'
    assert seen == f'["__main__", {argv}, "{folder}", "{tmp_path}", {os.getpid()}, "green", "input"]'
    assert number == f"{process.pid} {has_loaded_casty}"
    assert (process.returncode, complaint) == (7, "complaint\n")


def test_a_program_that_raises_ends_with_its_traceback(program: Path) -> None:
    program.write_text("1 / 0")
    done = subprocess.run(python(program), stderr=PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_warnings_are_errors_where_they_have_to_be(program: Path) -> None:
    program.write_text("import warnings; warnings.warn('careful')")
    assert subprocess.run(python(program), stderr=DEVNULL, check=False).returncode == 0
    assert subprocess.run(python("-W", "error", program), stderr=DEVNULL, check=False).returncode == 1


@pytest.mark.parametrize("ends_by", [signal.SIGKILL, signal.SIGTERM])
async def test_a_program_can_be_waited_for_and_killed(ends_by: signal.Signals, endless: Path) -> None:
    process = await create_subprocess_exec(*python(endless), stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"runs\n"
    process.send_signal(ends_by)
    assert await process.wait() == -ends_by
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_an_interrupt_reaches_a_program(endless: Path) -> None:
    with subprocess.Popen(python(endless), stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=200)
    assert process.returncode == -signal.SIGINT
    assert complaint.endswith("KeyboardInterrupt\n")


def test_settings_of_an_interpreter_need_a_new_one(program: Path) -> None:
    environment = {**os.environ, "COLOR": "green", "PYTHONHASHSEED": "1"}
    done = subprocess.run(python(program), env=environment, stdin=DEVNULL, stdout=PIPE, text=True, check=False)
    assert done.stdout.endswith("False\n")
