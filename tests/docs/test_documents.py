"""What the documents show is run, loaded or at least parsed, as it stands."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
from casty import load_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/guide/*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
]
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced piece of a page."""

    page: str
    line: int
    text: str


def blocks(language: str) -> list[Block]:
    return [
        Block(str(page.relative_to(ROOT)), text.count("\n", 0, match.start()) + 1, dedent(match["text"]))
        for page in PAGES
        for text in [page.read_text()]
        for match in BLOCK.finditer(text)
        if match["language"] == language
    ]


def name_of(block: Block) -> str:
    return f"{block.page}:{block.line}"


PYTHON = blocks("python")
# Those of the guide are run by test_guide.py, which knows what their pages say before and after them.
PROGRAMS = [block for block in PYTHON if "asyncio.run(" in block.text and not block.page.startswith("docs/guide/")]
SETTINGS = [block for block in blocks("toml") if "[project" not in block.text]


def test_there_is_something_to_check() -> None:
    assert PROGRAMS
    assert SETTINGS


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_programs_print_what_their_comments_say(program: Block, tmp_path: Path) -> None:
    expected = re.findall(r"print\(.*\)  # (.*)$", program.text, re.M)
    (tmp_path / "program.py").write_text(program.text)
    command = [sys.executable, "-W", "error", "program.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert (run.returncode, run.stderr) == (0, "")
    assert expected
    assert run.stdout.splitlines() == expected


@pytest.mark.parametrize("block", PYTHON, ids=name_of)
def test_python_parses_and_imports_what_there_is(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0].startswith("casty"):
            module = importlib.import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("block", SETTINGS, ids=name_of)
def test_settings_load(block: Block, tmp_path: Path) -> None:
    assert tomllib.loads(block.text)
    path = tmp_path / "casty.toml"
    path.write_text(block.text)
    load_config(path)
