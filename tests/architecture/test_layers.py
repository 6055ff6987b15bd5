"""Which module may import which. Each rule is a function from modules to violations, and is shown to be able to fail.

The order of the rooms is written once, in the import-linter contract `layers` in pyproject.toml.
"""

import ast
import re
import sys
from collections.abc import Callable, Sequence
from graphlib import CycleError, TopologicalSorter

import pytest
from casty.extension import Kernel

from tests.architecture.source import (
    DISTRIBUTIONS,
    ROOT,
    Import,
    Module,
    all_imports,
    import_package,
    pyproject,
    source_modules,
)

type Rule = Callable[[Sequence[Module]], list[str]]

CORE = "casty"
PLUGINS = {import_package(folder) for folder in DISTRIBUTIONS} - {CORE}
DOORS = {"casty._doors", "casty.cluster", "casty.journal", "casty.sharding"}
PURE = {
    "casty.behaviors": {"asyncio", "socket", "threading"},
    "casty_cluster.protocol": {"asyncio", "logging", "random", "socket", "threading", "time", "uuid"},
}
"""Rooms that must not reach these modules, not even through another module of their distribution."""
VALUES = {"asyncio.QueueFull", "random.Random"}
"""What a pure room may know all the same: the type of an argument, and that of an error."""
INNER = {"casty.persistence", "casty.runtime"}
"""Rooms that other distributions reach only through `casty.extension`."""
BESIDE_DEPENDENCIES = {"casty.testing.pytest_plugin": {"pytest", "pytest_asyncio"}}
"""A pytest plugin is only ever imported by pytest; pytest-asyncio it uses where that is installed."""
TYPE_CHECKING_IMPORTS = {
    ("casty", "casty.cluster"),
    ("casty", "casty.journal"),
    ("casty.cluster", "casty_cluster"),
    ("casty.journal", "casty_journal_postgres"),
    ("casty.journal", "casty_journal_sqlite"),
    ("casty.sharding", "casty_cluster"),
    ("casty_cluster", "casty_cluster.client.client"),
    ("casty_cluster", "casty_cluster.development.cluster"),
    ("casty_cluster", "casty_cluster.node.view"),
    ("casty_cluster", "casty_cluster.protocol.sharding.allocation"),
    ("casty_cluster", "casty_cluster.system"),
    ("casty.behaviors.system", "casty.clock"),
    ("casty.behaviors.system", "casty.event_stream"),
    ("casty.runtime.extras", "casty.runtime.cell"),
    ("casty.runtime.kernel", "casty.coordination"),
    ("casty.runtime.system", "casty.coordination"),
    ("casty_cluster.remoting.refs", "casty_cluster.remoting.delivery"),
    ("casty.testing.simulation.connecting", "casty.testing.simulation.transport"),
    ("casty.testing.simulation.connection", "casty.testing.simulation.transport"),
    ("casty.testing.simulation.network", "casty.testing.simulation.transport"),
}
"""Every import of ours for the type checker alone: each hides a cycle and deserves a second thought. Those of a
package's own `__init__` are names that are loaded when they are first used.
"""


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def run_time(modules: Sequence[Module]) -> list[Import]:
    return [found for found in all_imports(modules) if not found.type_checking]


def ranks() -> dict[str, int]:
    """Rooms of the core by height, the lowest 0."""
    (contract,) = (c for c in pyproject(ROOT)["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    return {
        f"{CORE}.{room.strip(' ()')}": height
        for height, layer in enumerate(reversed(contract["layers"]))
        for room in re.split("[:|]", layer)
    }


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def unplaced(modules: Sequence[Module]) -> list[str]:
    known = ranks()
    return sorted({room(m.name) for m in modules if inside(m.name, CORE) and m.name != CORE} - known.keys())


def upward(modules: Sequence[Module]) -> list[str]:
    known = ranks()
    return [
        str(found)
        for found in run_time(modules)
        if inside(found.importer, CORE) and inside(found.module, CORE) and found.importer != CORE
        if found.module == CORE or known.get(room(found.module), 0) > known.get(room(found.importer), 0)
    ]


def impure(modules: Sequence[Module]) -> list[str]:
    """Reaches what `PURE` forbids, within its own distribution; the message names the last step of the way."""
    imports = run_time(modules)
    violations: list[str] = []
    for package, forbidden in PURE.items():
        reached = {module.name for module in modules if inside(module.name, package)}
        todo = list(reached)
        while todo:
            importer = todo.pop()
            for found in (i for i in imports if i.importer == importer):
                if found.target in VALUES:
                    continue
                if found.module.split(".")[0] in forbidden:
                    violations.append(f"{package} must not reach it: {found}")
                elif found.module not in reached and found.module.split(".")[0] == package.split(".")[0]:
                    reached.add(found.module)
                    todo.append(found.module)
    return violations


def back_doors(modules: Sequence[Module]) -> list[str]:
    """Another distribution, by import or by name in a string, outside of the doors."""
    named = re.compile("|".join(rf"\b{plugin}\b" for plugin in PLUGINS))
    outside = [m for m in modules if inside(m.name, CORE) and m.name not in DOORS]
    return [
        f"{module.name}:{number}: {line.strip()}"
        for module in outside
        for number, line in enumerate(module.lines, start=1)
        if named.search(line)
    ]


def undeclared(modules: Sequence[Module]) -> list[str]:
    """Imported, but neither in the standard library nor among the distribution's dependencies."""
    allowed = {
        import_package(folder): {import_package(folder)}
        | {re.split(r"[^\w-]", needed)[0] for needed in pyproject(folder)["project"]["dependencies"]}
        for folder in DISTRIBUTIONS
    }
    violations: list[str] = []
    for found in all_imports(modules):
        if found.type_checking and found.target.startswith("typing_extensions."):
            continue  # every type checker brings it
        names = {"casty" if name == "casty-core" else name for name in allowed[found.importer.split(".")[0]]}
        names |= sys.stdlib_module_names | BESIDE_DEPENDENCIES.get(found.importer, set())
        if found.target.split(".")[0] not in names and not (
            found.importer in DOORS and found.target.split(".")[0] in PLUGINS
        ):
            violations.append(str(found))
    return violations


def private(modules: Sequence[Module]) -> list[str]:
    """A plugin's use of a name of the core that is not public."""
    return [
        str(found)
        for found in all_imports(modules)
        if not inside(found.importer, CORE) and inside(found.target, CORE)
        if any(part.startswith("_") for part in found.target.split("."))
    ]


def crossings(modules: Sequence[Module]) -> list[str]:
    """What another distribution imports from inside the runtime, past the extension API."""
    return [
        str(found)
        for found in all_imports(modules)
        if not inside(found.importer, CORE) and any(inside(found.module, room) for room in INNER)
    ]


def inner_parts(modules: Sequence[Module]) -> list[str]:
    """What another distribution uses of a kernel although the extension API does not declare it."""
    allowed = {name for name in dir(Kernel) if not name.startswith("_")} | Kernel.__annotations__.keys()
    return [
        f"{module.name}:{node.lineno} uses kernel.{node.attr}"
        for module in modules
        if not inside(module.name, CORE)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr not in allowed
        if ast.unparse(node.value).rpartition(".")[2] in ("kernel", "_kernel")
    ]


def cycles(modules: Sequence[Module]) -> list[str]:
    names = {module.name for module in modules}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for found in run_time(modules):
        if found.module in names:
            graph[found.importer].add(found.module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


@pytest.mark.parametrize(
    "rule", [unplaced, upward, impure, back_doors, undeclared, private, crossings, inner_parts, cycles]
)
def test_rule_holds(rule: Rule) -> None:
    assert rule(source_modules()) == []


def test_type_checking_imports_are_listed() -> None:
    names = {module.name for module in source_modules()}
    hidden = {(i.importer, i.module) for i in all_imports(source_modules()) if i.type_checking and i.module in names}
    assert sorted(hidden - TYPE_CHECKING_IMPORTS) == []
    assert sorted(TYPE_CHECKING_IMPORTS - hidden) == []


def test_core_depends_on_pluggy_and_msgpack_only() -> None:
    needed = pyproject(ROOT / "packages" / "casty-core")["project"]["dependencies"]
    assert sorted(re.split(r"[^\w-]", name)[0] for name in needed) == ["msgpack", "pluggy"]


def planted(**texts: str) -> tuple[Module, ...]:
    return tuple(Module(name.replace("__", "."), text) for name, text in texts.items())


@pytest.mark.parametrize(
    ("rule", "modules"),
    [
        (unplaced, planted(casty__attic="")),
        (upward, planted(casty__ref="from casty.runtime import cell", casty__runtime__cell="")),
        (upward, planted(casty__ref="def late():\n    import casty")),
        (impure, planted(casty__behaviors__values="import asyncio")),
        (
            impure,
            planted(casty__behaviors__values="from casty import ref", casty__ref="from asyncio import sleep"),
        ),
        (impure, planted(casty_cluster__protocol__swim="from time import monotonic")),
        (back_doors, planted(casty__ref="import casty_cluster.wire")),
        (back_doors, planted(casty__ref="import_module('casty_journal_sqlite')")),
        (undeclared, planted(casty__ref="import rich")),
        (undeclared, planted(casty_cluster__node="import aiosqlite")),
        (private, planted(casty_cluster__node="from casty.ref import _secret")),
        (private, planted(casty_cluster__node="from casty._ref import ActorRef")),
        (crossings, planted(casty_cluster__node="from casty.runtime import cell", casty__runtime__cell="")),
        (
            crossings,
            planted(casty_cluster__node="if TYPE_CHECKING:\n    from casty.runtime.cell import Cell"),
        ),
        (inner_parts, planted(casty_cluster__node="self._kernel.dispatcher.run_with(cell)")),
        (inner_parts, planted(casty_cluster__node="system.kernel.root")),
        (
            cycles,
            planted(casty__ref="import casty.address", casty__address="def late():\n    import casty.ref"),
        ),
    ],
)
def test_rule_can_fail(rule: Rule, modules: Sequence[Module]) -> None:
    assert rule(modules)


def test_imports_for_the_type_checker_do_not_count() -> None:
    text = "if TYPE_CHECKING:\n    from casty.runtime.cell import Cell\nelse:\n    import casty.address"
    assert [i.module for i in run_time(planted(casty__ref=text, casty__address=""))] == ["casty.address"]


def test_relative_imports_are_resolved() -> None:
    (found,) = all_imports([Module("casty.runtime.cell", "from ..behaviors import values")])
    assert found.target == "casty.behaviors.values"
