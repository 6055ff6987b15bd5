"""Every link of the documents leads to something, and every decision has a number of its own."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs.links import Link, anchors, broken, links

DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
]
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
TEXTS = [*DOCUMENTS, *(path for room in ("packages", "tests", "benchmarks") for path in ROOT.glob(f"{room}/**/*.py"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_there_are_links() -> None:
    assert any(links(document.read_text()) for document in DOCUMENTS)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        assert path.read_text().startswith(f"# {int(path.name[:4])}. "), f"{path.name} has another number in its title"


def test_decisions_that_are_mentioned_exist() -> None:
    mentioned = {int(number) for path in TEXTS for number in re.findall(r"\bdecision (\d+)", path.read_text())}
    assert mentioned
    assert mentioned <= set(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\n[a](gone.md)", "page.md:2: gone.md: there is no such file"),
        ("[a](#other)", "page.md:1: #other: there is no such heading"),
        ("[a](page.md#other)", "page.md:1: page.md#other: there is no such heading"),
        ("```toml\n[a](b)\n```\n`[c](d)` [`e`](gone.md)", "page.md:4: gone.md: there is no such file"),
    ],
)
def test_a_broken_link_is_found(text: str, complaint: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert broken(page) == [complaint]


def test_a_good_link_is_accepted(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# The `x.y` of [it]\n[a](page.md#the-xy-of-it) [b](#the-xy-of-it) [c](https://example.org/#gone) [d](.)"
    )
    assert broken(page) == []
    assert links("[a](b) and\n[c](d#e)") == [Link(1, "b"), Link(2, "d#e")]


def test_headings_that_repeat_are_numbered() -> None:
    assert anchors("# A b\n## A b\n### A-b!\n```\n# no\n```\n") == {"a-b", "a-b-1", "a-b-2"}


def test_tests_that_documents_name_exist() -> None:
    named = {path for document in DOCUMENTS for path in re.findall(r"`(tests/[\w/.-]+)`", document.read_text())}
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
