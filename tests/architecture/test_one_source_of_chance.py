"""What differs from run to run comes from `casty.entropy`, so that a simulation can decide it."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Module, source_modules

FORBIDDEN = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
    *("uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getpid", "datetime.datetime.now", "datetime.datetime.utcnow"),
}
SEEDED = "random.Random"
"""Allowed as a type, and where it is given a seed."""
CHANCE = ("random.", "secrets.")
EXCEPTIONS = {
    "casty.entropy": "the source itself",
    "casty.runtime.garbage": "measures what really stopped the process",
    "casty.runtime.watchdog": "a thread that watches the event loop, whose time it therefore cannot use",
    "casty.testing.simulation.isolation": "seeds the module `random` for the programs that use it",
}
OUTSIDE = {
    "casty_cli": "a program for people",
    "casty_journal_postgres": "talks to a server",
    "casty_journal_sqlite": "talks to files, in threads",
    "casty_transport_tcp": "talks to sockets",
}
"""Distributions that no simulation can run, and why."""


def full_names(module: Module) -> dict[str, str]:
    """What each imported name stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def used_names(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Each name and attribute that is used, by its full name."""
    known = full_names(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in known:
                yield known[first] + dot + rest, node


def chance(module: Module) -> list[str]:
    seedless = {
        id(node.func)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and not node.args and not node.keywords
    }
    return [
        f"{module.name}:{node.lineno}: {name}; take it from casty.entropy"
        for name, node in used_names(module)
        if name in FORBIDDEN or name.startswith(CHANCE)
        if name != SEEDED or id(node) in seedless
    ]


def looked_at() -> list[Module]:
    return [
        module
        for module in source_modules()
        if module.name.split(".")[0] not in OUTSIDE
        if not any(f"{module.name}.".startswith(f"{name}.") for name in EXCEPTIONS)
    ]


def test_chance_and_time_come_from_one_source() -> None:
    assert [violation for module in looked_at() for violation in chance(module)] == []


def test_exceptions_are_needed() -> None:
    """And the most important modules are looked at."""
    guilty = {module.name for module in source_modules() if chance(module)}
    unneeded = [name for name in EXCEPTIONS if not any(f"{module}.".startswith(f"{name}.") for module in guilty)]
    assert unneeded == []
    assert {"casty.runtime.kernel", "casty.persistence.log", "casty_cluster"} <= {m.name for m in looked_at()}


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time\nclock = time.monotonic",
        "from time import perf_counter as now\nnow()",
        "import random\nrandom.random()",
        "from random import uniform\nuniform(0, 1)",
        "from random import Random\nRandom()",
        "from uuid import uuid4\nuuid4()",
        "import os\nos.urandom(8)",
        "import secrets\nsecrets.token_hex()",
        "from datetime import datetime\ndatetime.now()",
        "def late():\n    from secrets import token_bytes\n    token_bytes(8)",
    ],
)
def test_rule_can_fail(text: str) -> None:
    assert chance(Module("casty.planted", text))


@pytest.mark.parametrize(
    "text",
    [
        "from random import Random\ndef jitter(random: Random) -> Random:\n    return random",
        "from random import Random\nRandom(5)",
        "def draw(random):\n    return random.choice((1, 2))",
        "import time\ntime.sleep(0)",
        "class A:\n    time = 1\nA().time",
        "from uuid import UUID\nUUID(int=1)",
    ],
)
def test_rule_lets_pass(text: str) -> None:
    assert chance(Module("casty.planted", text)) == []
