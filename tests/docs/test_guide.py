"""Every page of the guide is carried out from top to bottom: what it shows is what its reader sees."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs.page import Step, expect, steps

GUIDE = ROOT / "docs" / "guide"
PAGES = sorted(path for path in GUIDE.glob("*.md") if path.name != "README.md")


def follow(page: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", str(ROOT / "tests" / "docs" / "page.py"), str(page)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_reader_sees(page: Path, tmp_path: Path) -> None:
    followed = follow(page, tmp_path)
    assert followed.returncode == 0, followed.stderr


def test_the_index_names_every_page_in_order() -> None:
    index = (GUIDE / "README.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for page in PAGES:
        assert f"({page.name})" in index, f"docs/guide/README.md does not name {page.name}"
        assert f"(docs/guide/{page.name})" in readme, f"README.md does not name {page.name}"
    order = [index.index(f"({page.name})") for page in sorted(PAGES, key=lambda page: readme.index(page.name))]
    assert order == sorted(order), "README.md and docs/guide/README.md have different orders"


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        (
            "```python\nprint(await __import__('asyncio').sleep(0, 5))\n```\n```text\n4\n```\n",
            "page.md:1 printed:\n5\n",
        ),
        ("```python\nprint(5)\n```\n", "page.md:1 printed:\n5\n"),
        ("```python\nNone\n```\n```text\n4\n```\n", "page.md:1 printed:\n"),
        ("```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```console\n$ echo 1\n1\n$ echo 2\n3\n```\n", "page.md:1: echo 2 printed:\n2\n"),
    ],
)
def test_a_page_that_shows_something_else_fails(blocks: str, complaint: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(blocks)
    followed = follow(page, tmp_path)
    assert followed.returncode == 1
    assert complaint in followed.stderr


def test_dots_stand_for_anything() -> None:
    expect("a 1\nb 22\n", "a ...\nb ...2\n", "here")
    with pytest.raises(AssertionError):
        expect("a 1\nb 22\n", "a ...\nc ...2\n", "here")
    expect("a\nb\nc\n", "...\nc\n", "here")
    expect("c\n", "...\nc\n", "here")
    with pytest.raises(AssertionError):
        expect("a\nb\nc\n", "...\nb\n", "here")


def test_blocks_of_a_page_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n```python\n# app.py\nx = 1\n```\nmore\n```python\nprint(1)\n```\n```text\n1\n```\n")
    assert steps(page) == [Step(2, "python", "# app.py\nx = 1\n", None), Step(7, "python", "print(1)\n", "1\n")]
    assert [step.file for step in steps(page)] == ["app.py", None]
