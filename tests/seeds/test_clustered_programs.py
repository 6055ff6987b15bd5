"""The seed documents' clustered programs: as they are written, and broadcasts as one of three nodes."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.bank import ROUNDS
from tests.ports import free_ports
from tests.seeds.programs import needs_seeds, programs

pytestmark = needs_seeds

SHARDED = ("003", 7)
NODES = re.compile("".join(rf"( +ClusteredActorSystem\([^)]*\)],\n +\) as node{number},\n)" for number in (1, 2)))
BROADCAST = ("003", 8)
RUN = """
import sys, __future__
text = open(sys.argv[1], encoding="utf-8").read()
# The program names a class before it defines it: Python 3.14 reads annotations when they are asked for.
exec(compile(text, sys.argv[1], "exec", flags=__future__.annotations.compiler_flag), globals())
"""
WRITTEN = 'name="demo", host="127.0.0.1", port=25520,\n'
LISTEN = """
async def main() -> None:
    async with ClusteredActorSystem({arguments}) as system:
        system.spawn(Behaviors.broadcasted(listener()), "listener")
        print("listening", flush=True)
        await asyncio.to_thread(sys.stdin.read)

import sys
asyncio.run(main())
"""


def start(path: Path, text: str) -> subprocess.Popen[str]:
    path.write_text(text, encoding="utf-8")
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", RUN, str(path)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.timeout(300 * ROUNDS)
@pytest.mark.parametrize("order", [r"\1\2", r"\2\1"], ids=["node1 first", "node2 first"])
def test_the_sharding_program_prints_150_whichever_node_starts_first(tmp_path: Path, order: str) -> None:
    """`CASTY_CHAOS_ROUNDS=25` starts it 25 times in each order."""
    text, swaps = NODES.subn(order, programs()[SHARDED])
    assert swaps == 1
    for number in range(ROUNDS):
        one, two = map(str, free_ports(2))
        program = start(tmp_path / f"program_{number}.py", text.replace("25520", one).replace("25521", two))
        printed, errors = program.communicate(timeout=200)
        assert printed == "Alice's balance: 150\n", errors
        assert program.returncode == 0, errors


def test_the_broadcast_program_runs_as_it_is_written_but_for_its_port(tmp_path: Path) -> None:
    text = programs()[BROADCAST]
    assert WRITTEN in text
    [port] = free_ports(1)
    program = start(tmp_path / "program.py", text.replace("port=25520", f"port={port}"))
    printed, errors = program.communicate(timeout=200)
    assert printed == f"Ack from {socket.gethostname()}\n", errors
    assert program.returncode == 0, errors


def test_as_one_of_three_nodes_it_is_answered_by_all_three(tmp_path: Path) -> None:
    text = programs()[BROADCAST]
    ports = free_ports(3)
    seeds = [("127.0.0.1", port) for port in ports]
    places = [f'name="demo", host="127.0.0.1", port={port}, seed_nodes={seeds!r}' for port in ports]
    before_main = text[: text.index("async def main()")]
    others = [
        start(tmp_path / f"node_{number}.py", before_main + LISTEN.format(arguments=place))
        for number, place in enumerate(places[1:])
    ]
    try:
        for other in others:
            assert other.stdout is not None
            assert other.stdout.readline() == "listening\n"
        program = start(tmp_path / "program.py", text.replace(WRITTEN, f"{places[0]}, required_quorum=3,\n"))
        printed, errors = program.communicate(timeout=200)
        assert printed == f"Ack from {socket.gethostname()}\n" * 3, errors
        assert program.returncode == 0, errors
    finally:
        for other in others:
            _, errors = other.communicate(timeout=200)
            assert other.returncode == 0, errors
