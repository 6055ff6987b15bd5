"""A page of the guide as a list of steps, which are carried out in order as its reader would.

`python -m tests.docs.page PAGE` does so in the working directory. Each page has a process of its own, because the names
of types are registered for good.
"""

import ast
import asyncio
import builtins
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from inspect import CO_COROUTINE
from io import StringIO
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

BLOCK: Final = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
FILE: Final = re.compile(r"# ([\w.-]+\.(?:py|toml|service)|Dockerfile)$")
ELSEWHERE: Final = (
    "pip install ",
    "sudo ",
    "docker ",
    "curl ",
    "kill ",
    "uvicorn ",
    "journalctl ",
    "python -m asyncio",
)
"""Commands that a page shows and its test does not run; those of the recipes are run by test_recipes.py."""


@dataclass(frozen=True, slots=True)
class Step:
    """A fenced block. `output` is the text block behind it, if there is one."""

    line: int
    language: str
    text: str
    output: str | None

    @property
    def file(self) -> str | None:
        """The file that the block is, by its first line."""
        found = FILE.match(self.text.partition("\n")[0])
        return found[1] if found else None


def steps(page: Path) -> list[Step]:
    """The blocks of a page, each text block with the block that prints it."""
    text = page.read_text()
    found: list[Step] = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["language"] == "text":
            before = found.pop()
            found.append(Step(before.line, before.language, before.text, match["text"]))
        else:
            found.append(Step(line, match["language"], match["text"], None))
    return found


class Session:
    """What a reader does in one folder: writes files, runs commands, and types into `python -m asyncio`."""

    def __init__(self, page: Path, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._module = ModuleType("guide")
        vars(self._module)["__builtins__"] = builtins
        sys.modules["guide"] = self._module  # serializers find types by the names of their modules
        sys.path.insert(0, str(folder))

    async def carry_out(self, step: Step) -> None:
        """Do what the block says, and compare what is printed with what the page shows."""
        where = f"{self._page.name}:{step.line}"
        if step.file is not None:
            (self._folder / step.file).write_text(step.text)
        elif step.language == "python":
            printed = await self._typed(step, where)
            expect(printed, step.output or "", where)
        elif step.language == "console":
            await asyncio.to_thread(self._commands, step, where)

    async def _typed(self, step: Step, where: str) -> str:
        code = compile(step.text, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        with redirect_stdout(StringIO()) as printed:
            result: Any = FunctionType(code, vars(self._module))()
            if code.co_flags & CO_COROUTINE:
                await result
        return printed.getvalue()

    def _commands(self, step: Step, where: str) -> None:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for command in step.text.removeprefix("$ ").split("\n$ "):
            line, _, output = command.partition("\n")
            if line.startswith(ELSEWHERE):
                continue
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self._folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=200,
            )
            expect(done.stdout, output, f"{where}: {line}")


def expect(printed: str, shown: str, where: str) -> None:
    """Compare line by line; `...` in a line stands for anything in it, and on a line of its own for any lines."""
    lines = (
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in shown.splitlines()
    )
    pattern = "".join(lines)
    assert re.fullmatch(pattern, printed), f"{where} printed:\n{printed}\nbut the page shows:\n{shown}"


async def follow(page: Path, folder: Path) -> None:
    """Carry out the whole page. Raises `AssertionError` at the first block that does something else than shown."""
    session = Session(page, folder)
    for step in steps(page):
        await session.carry_out(step)


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), Path.cwd()))
