"""Every snippet of seed 004, completed to a program in class_programs.md, prints what it should."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType

import pytest

from tests.seeds.programs import SEEDS, needs_seeds

pytestmark = [needs_seeds, pytest.mark.filterwarnings("ignore:no journal is configured")]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## ([^\n]+)\n\n```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^( *)<<(\w+)(?::(-?\d+))?>>$", re.MULTILINE)
SECTIONS = {
    name: (program, output)
    for name, program, output in SECTION.findall(Path(__file__).with_name("class_programs.md").read_text())
}
PROGRAMS = [name for name, (_, output) in SECTIONS.items() if output]


def blocks() -> list[str]:
    [document] = SEEDS.glob("004*.txt")
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def completed(program: str) -> str:
    """The program with its marks replaced."""
    found = blocks()

    def block(mark: re.Match[str]) -> str:
        margin, name, part = mark.groups()
        if name in SECTIONS:
            return completed(SECTIONS[name][0])
        lines = dedent(found[int(name)]).rstrip().splitlines()
        return indent("\n".join(lines if part is None else part_of(lines, int(part))), margin)

    return MARK.sub(block, program)


def part_of(lines: list[str], number: int) -> list[str]:
    """A line of two, the lines before a number, or those from its negative on."""
    if len(lines) == 2:
        return [lines[number]]
    return lines[:number] if number > 0 else lines[-number:]


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """Where the program's classes are at home."""
    made = ModuleType("seed_004")
    sys.modules["seed_004"] = made
    yield made
    del sys.modules["seed_004"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_snippet_does_what_the_document_says(
    name: str, module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    program, expected = SECTIONS[name]
    exec(compile(completed(program), name, "exec"), vars(module))
    asyncio.run(vars(module)["main"]())
    assert capsys.readouterr().out == expected


def test_every_block_of_the_document_is_among_the_programs() -> None:
    marks = [name for program, _ in SECTIONS.values() for _, name, _ in MARK.findall(program)]
    used = {int(name) for name in marks if name.isdigit()}
    clustered = {15, 16, 17, 18, 19, 28, 29, 31, 36}
    assert used | clustered == set(range(len(blocks())))
