"""How files look: sizes, names, docstrings, forbidden calls. Each rule is shown to be able to fail."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import DISTRIBUTIONS, ROOT, Module, source_modules

type Rule = Callable[[Module], list[str]]

FILE_LINES = 400
FUNCTION_LINES = 40
EMPTY_NAMES = {"base", "common", "helper", "helpers", "misc", "util", "utils"}
"""Names that say nothing about what is inside."""
FORBIDDEN_MODULES = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
"""They execute what bytes name."""
FORBIDDEN_CALLS = {"__import__", "eval", "exec", "os.popen", "os.system"}
BLOCKING_CALLS = {"time.sleep"}
"""They hold the event loop, and need a comment `# why: …` where they stand."""


def everything() -> Iterator[Module]:
    for folder in ("tests", "examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield Module(path.relative_to(ROOT).as_posix(), path.read_text(), path)
    yield from source_modules()


def long_file(module: Module) -> list[str]:
    too_long = len(module.lines) > FILE_LINES
    return [f"{module.name}: {len(module.lines)} lines: what are its two ideas?"] if too_long else []


def comment_at(module: Module, number: int, marker: str) -> bool:
    """Whether line `number`, counted from 1, or the one above has a comment with this marker and a reason."""
    return any(line.partition(f"# {marker}:")[2].strip() for line in module.lines[max(0, number - 2) : number])


def long_function(module: Module) -> list[str]:
    """`# long: <reason>` on the line of the `def`, or directly above it, allows one."""
    return [
        f"{module.name}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
        if node.end_lineno - node.lineno >= FUNCTION_LINES and not comment_at(module, node.lineno, "long")
    ]


def busy_init(module: Module) -> list[str]:
    """An `__init__` that does more than re-export."""
    if not module.is_package:
        return []
    imports = (ast.Import, ast.ImportFrom)
    return [
        f"{module.name}:{node.lineno}: an __init__ only re-exports"
        for number, node in enumerate(module.tree.body)
        if not isinstance(node, imports)
        if not (
            isinstance(node, ast.If)
            and ast.unparse(node.test) == "TYPE_CHECKING"
            and all(isinstance(inner, imports) for inner in (*node.body, *node.orelse))
        )
        if not (number == 0 and ast.get_docstring(module.tree) is not None)
        if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    ]


def silent_module(module: Module) -> list[str]:
    """Says something, but not what it is for."""
    said = ast.get_docstring(module.tree) is not None or not module.tree.body
    return [] if said else [f"{module.name}: no docstring"]


def empty_name(module: Module) -> list[str]:
    words = set(Path(module.name.removesuffix(".py").replace(".", "/")).parts)
    return [f"{module.name}: {word!r} does not say what is inside" for word in sorted(words & EMPTY_NAMES)]


def forbidden_import(module: Module) -> list[str]:
    found = {i.target.split(".")[0] for i in module.imports(set())} & FORBIDDEN_MODULES
    return [f"{module.name} imports {name}" for name in sorted(found)]


def called_names(module: Module) -> Iterator[tuple[str, int]]:
    """What is called, by its full name where it was imported by a shorter one."""
    full_names = {i.target.rpartition(".")[2]: i.target for i in module.imports(set())}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield full_names.get(name, name), node.lineno


def forbidden_call(module: Module) -> list[str]:
    return [f"{module.name}:{line}: {name}" for name, line in called_names(module) if name in FORBIDDEN_CALLS]


def unexplained_blocking(module: Module) -> list[str]:
    return [
        f"{module.name}:{line}: {name} holds the event loop"
        for name, line in called_names(module)
        if name in BLOCKING_CALLS and not comment_at(module, line, "why")
    ]


def swallowed_error(module: Module) -> list[str]:
    """`except Exception: pass`, and its cousins."""
    return [
        f"{module.name}:{node.lineno}: an error of any kind disappears here"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
        if all(isinstance(line, ast.Pass) for line in node.body)
    ]


@pytest.mark.parametrize("rule", [long_file, silent_module, empty_name])
def test_rule_holds_everywhere(rule: Rule) -> None:
    assert [violation for module in everything() for violation in rule(module)] == []


@pytest.mark.parametrize(
    "rule",
    [long_function, busy_init, forbidden_import, forbidden_call, unexplained_blocking, swallowed_error],
)
def test_rule_holds_in_the_source(rule: Rule) -> None:
    assert [violation for module in source_modules() for violation in rule(module)] == []


def test_all_source_is_looked_at() -> None:
    assert len({module.name.split(".")[0] for module in source_modules()}) == len(DISTRIBUTIONS) >= 5


SLEEP = "import time\ntime.sleep(1)"
LONG = f"def f():\n{'    pass\n' * FUNCTION_LINES}"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_file, "\n" * (FILE_LINES + 1)),
        (long_function, LONG),
        (long_function, f"# long:\n{LONG}"),
        (silent_module, "import os"),
        (forbidden_import, "def late():\n    from pickle import loads"),
        (forbidden_call, "eval('1')"),
        (forbidden_call, "from os import system\nsystem('true')"),
        (unexplained_blocking, SLEEP),
        (unexplained_blocking, "from time import sleep\nsleep(1)"),
        (swallowed_error, "try:\n    f()\nexcept Exception:\n    pass"),
        (swallowed_error, "try:\n    f()\nexcept:\n    pass"),
    ],
)
def test_rule_can_fail(rule: Rule, text: str) -> None:
    assert rule(Module("casty.planted", text))


@pytest.mark.parametrize("text", ["x = 1", '"""Doc."""\ndef f(): ...', "if True:\n    import os"])
def test_busy_init_can_fail(text: str) -> None:
    assert busy_init(Module("casty.planted", text, Path("planted/__init__.py")))


@pytest.mark.parametrize("name", ["casty.runtime.utils", "tests/common/test_x.py", "tests/helpers.py"])
def test_empty_name_can_fail(name: str) -> None:
    assert empty_name(Module(name, ""))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_file, "\n" * FILE_LINES),
        (long_function, f"# long: one line for each effect\n{LONG}"),
        (long_function, LONG.replace("    pass\n", "", 1)),
        (silent_module, ""),
        (unexplained_blocking, SLEEP.replace("(1)", "(1)  # why: a process of its own")),
        (swallowed_error, "try:\n    f()\nexcept OSError:\n    pass"),
    ],
)
def test_rule_lets_pass(rule: Rule, text: str) -> None:
    assert rule(Module("casty.planted", text)) == []
