"""The seed documents' programs of distributed structures, on one of three nodes: every value is what its comment says.

The programs print nothing, so each line that has a value in its comment is made to print it.
"""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.ports import free_ports
from tests.seeds.programs import NO_BREAK_SPACE, SEEDS, needs_seeds, programs

pytestmark = needs_seeds

PROGRAM = ("003", 9)
VALUES_003 = [
    "90",
    "User(name='Alice', email='alice@example.com')",
    *("True", "True"),  # contains, delete
    *("True", "False", "1"),  # the set
    *("'task-1'", "'task-1'", "None"),  # the queue
    *("True", "True", "True"),  # release, try_acquire, release of a permit
]
VALUES_002 = [
    *("100", "90", "90"),
    "None",
    "User(name='Alice', email='a@x.com')",
    *("True", "True"),
    *("True", "False", "1"),
    *("'task-1'", "'task-1'", "None"),
]
COMMENTED = re.compile(r"^( +)(?:\w+ = )?(await [^#\n]+?) +# (?!blocks)(?:-> )?.+$", re.M)
OTHER = """
import asyncio, sys
from casty.sharding import ClusteredActorSystem

async def main():
    async with ClusteredActorSystem(name="my-app", host="127.0.0.1", port={port}, seed_nodes={seeds}) as system:
        system.distributed()
        print("ready", flush=True)
        if {arrives}:
            await system.distributed().barrier("phase-1").arrive(expected=3)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def printing(text: str) -> str:
    """The program, with a print around each call that has its value in a comment."""
    return COMMENTED.sub(r"\1print(repr(\2))", text)


def program_002() -> str:
    """The document shows the inside of a program only."""
    [path] = SEEDS.glob("002*")
    text = path.read_text(encoding="utf-8").replace(NO_BREAK_SPACE, " ")
    start = text.index("from dataclasses import dataclass", text.index("### Distributed Data Structures"))
    shown = dedent(text[start : text.index("```", start)])
    before, inside = shown.split("async with", 1)
    return f"import asyncio\n{before}async def main():\n{indent('async with' + inside, '    ')}\nasyncio.run(main())\n"


@pytest.mark.parametrize(("document", "values"), [("003", VALUES_003), ("002", VALUES_002)])
def test_every_value_is_what_its_comment_says(document: str, values: list[str], tmp_path: Path) -> None:
    text = programs()[PROGRAM] if document == "003" else program_002()
    ports = free_ports(3)
    seeds = [("127.0.0.1", port) for port in ports]
    placed = re.sub(r'host="[\d.]+", port=25520', f'host="127.0.0.1", port={ports[0]}, required_quorum=3', text)
    placed = re.sub(r"seed_nodes=\[.*?\]", f"seed_nodes={seeds!r}", placed)
    assert placed.count(str(ports[0])) == 2
    others: list[subprocess.Popen[str]] = []
    try:
        for port in ports[1:]:
            path = tmp_path / f"other_{port}.py"
            path.write_text(OTHER.format(port=port, seeds=seeds, arrives=document == "003"))
            others.append(start(path))
        for other in others:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
        path = tmp_path / "program.py"
        path.write_text(printing(placed), encoding="utf-8")
        printed, errors = start(path).communicate(timeout=200)
        assert printed.splitlines() == values, errors
    finally:
        for other in others:
            _, errors = other.communicate(timeout=200)
            assert other.returncode == 0, errors


def start(path: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, str(path)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
