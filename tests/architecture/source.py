"""The source tree as data: its modules and what they import. The rules themselves live in the tests."""

import ast
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = tuple(sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml")))
PLUGINS = tuple(folder for folder in DISTRIBUTIONS if folder.name != "casty-cli")
"""Those that the core finds by entry points; the command line has a door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name. `from a.b import c` has the target `a.b.c`, which is the module too, else `a.b`."""

    importer: str
    target: str
    module: str
    line: int
    type_checking: bool
    """It stands under `if TYPE_CHECKING:` and does not happen at run time."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


@dataclass(frozen=True)
class Module:
    """A module's name and text. `path` only serves to name it; planted modules have none."""

    name: str
    text: str
    path: Path = Path("planted.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> Sequence[str]:
        return self.text.splitlines()

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def imports(self, known: set[str]) -> list[Import]:
        """All imports, those inside functions too. `known` are the names of the modules of the tree."""
        return [
            Import(
                importer=self.name,
                target=target,
                module=target if target in known or not parent else parent,
                line=node.lineno,
                type_checking=typing_only,
            )
            for node, typing_only in _import_statements(self.tree, typing_only=False)
            for target, parent in self._targets(node)
        ]

    def _targets(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
            return
        parent = node.module or ""
        if node.level:
            package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
            parent = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
        yield from ((f"{parent}.{alias.name}", parent) for alias in node.names)


def _import_statements(node: ast.AST, *, typing_only: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield node, typing_only
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            for child in node.body:
                yield from _import_statements(child, typing_only=True)
            for child in node.orelse:
                yield from _import_statements(child, typing_only=typing_only)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _import_statements(child, typing_only=typing_only)


def all_imports(modules: Sequence[Module]) -> list[Import]:
    known = {module.name for module in modules}
    return [found for module in modules for found in module.imports(known)]


@cache
def source_modules() -> tuple[Module, ...]:
    """Every module of every distribution."""
    return tuple(
        Module(
            ".".join(path.relative_to(src).with_suffix("").parts).removesuffix(".__init__"),
            path.read_text(),
            path,
        )
        for src in (distribution / "src" for distribution in DISTRIBUTIONS)
        for path in sorted(src.rglob("*.py"))
    )


@cache
def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def import_package(distribution: Path) -> str:
    """The one package that a distribution installs."""
    (package,) = (path.name for path in (distribution / "src").iterdir() if path.is_dir())
    return package
