"""The benchmarks run to their end and print every row; how fast they are is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

LOCAL = [
    "tell, same behavior",
    "send to a class actor, beside tell",
    "tell, new behavior",
    "fan-out to 1,000",
    "ping-pong",
    "ask, one after the other",
    "ask, 100 at a time",
    "spawn",
    "stop of 100,000, beside that of 10,000",
    "idle actor",
    "event-sourced in memory",
    "timer under a flood, late (p99)",
]

JOURNAL = [
    *(
        f"{database}, {work}"
        for database in ("SQLite", "PostgreSQL")
        for work in (
            *("1 entity", "100 entities", "1,000 entities", "1,000 entities of a shard"),
            *("1 entity beside 100, 100 in flight", "recovery"),
        )
    ),
    "SQLite, wait in a flood (p50)",
    "SQLite, wait in a flood (p99)",
    "the same without a breath (p50)",
    "the same without a breath (p99)",
]

HOLDING = [
    "1,000,000 actors stop at shutdown",
    "1,000,000 children stop",
    "100,000 started children stop",
    "1,000,000 children are listed",
    "100,000 entities of a region stop",
    "100,000 entities within a limit of 1,000",
    "100,000 asks time out",
    "100,000 asks of an actor that stops",
    "1,000,000 queued messages are handled",
    "1,000,000 queued messages die",
    "100,000 timers are cancelled",
    "100,000 events are replayed",
]

ENTITIES = [
    "tell by reference",
    "tell by envelope",
    "tell, with passivation",
    "ask by reference",
    "idle entity",
    "idle actor",
]

SHARDING = [
    "sharded ask, 100 at a time",
    "the same, beside as many actors",
    "sharded ask (p50)",
    "idle entity, over three nodes",
    "hand-off of a shard (p50)",
    "hand-off of a shard (p99)",
]

REPLICATION = [
    "replicas=2, min_acks=1, 100 at a time",
    "replicas=2, min_acks=1 (p50)",
    "replicas=2, min_acks=0, 100 at a time",
    "replicas=2, min_acks=0 (p50)",
    "beside a remote one (p50)",
    "the same, in three processes (p50)",
]

DISTRIBUTED = [
    f"{place}: {work}{figure}"
    for place in ("SQLite", "copies on SQLite")
    for work in (
        *("counter, increment", "map, put", "map, get", "set, add and remove"),
        *("queue, in and out", "lock, acquire and release", "semaphore, acquire and release"),
        *("register, set", "register, get", "barrier, arrive alone"),
    )
    for figure in ("", ", p50", ", p99")
]
"""Of one process and of three nodes: the other places differ in their journals only, and take long to start."""

WIRE = ["one way", "request and reply (p50)", "request and reply (p99)", "100 at a time"]

RUN = ["--rounds", "1", "--cold", "--scale", "0.001"]


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / program), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(
    ("program", "names", "chosen"),
    [
        ("local.py", LOCAL, []),
        ("entities.py", ENTITIES, []),
        ("holding.py", HOLDING, []),
        ("journal.py", JOURNAL, []),
        ("sharding.py", SHARDING, []),
        ("replication.py", REPLICATION, []),
        ("distributed.py", DISTRIBUTED, ["--only", "SQLite"]),
        ("wire.py", WIRE, []),
    ],
)
def test_every_measurement_has_a_figure(program: str, names: list[str], chosen: list[str]) -> None:
    rows = json.loads(run(program, *RUN, *chosen, "--json"))
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert row["value"] > 0
        assert row["floor"] is None or row["floor"] > 0
        assert (row["met"] is None) == (row["target"] is None)


def test_one_measurement_can_be_chosen_and_is_printed_as_a_table() -> None:
    title, header, row = run("local.py", *RUN, "--only", "ping-pong").splitlines()
    assert title == "Local actors beside bare loops"
    assert header.split() == ["median", "best", "floor", "ratio", "target"]
    assert row.startswith("ping-pong")
    assert row.split()[-1] in ("met", "missed")


def test_serialization_runs() -> None:
    rows = json.loads(run("serialization.py", "--json", "--repeat", "1", "--number", "10"))
    assert "msgpack" in [row["name"] for row in rows]
    assert all(row["per_second"] > 0 for row in rows)
