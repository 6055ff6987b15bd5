"""docs/semantics.md promises nothing that no test holds: each sentence ends with the name of its test."""

import ast
import re
from collections.abc import Iterable

from tests.architecture.source import ROOT

NAMED_TEST = re.compile(r"`(test_\w+)`\.?$")


def sentences(text: str) -> list[str]:
    """The items of the lists, each as one line, however it is wrapped."""
    items = re.findall(r"^- .*(?:\n {2,}\S.*)*", text, re.MULTILINE)
    return [" ".join(item.split()) for item in items]


def broken(text: str, tests: Iterable[str]) -> list[str]:
    known = set(tests)
    return [
        sentence for sentence in sentences(text) if not (match := NAMED_TEST.search(sentence)) or match[1] not in known
    ]


def all_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_sentence_has_its_test() -> None:
    text = (ROOT / "docs" / "semantics.md").read_text()
    assert sentences(text)
    assert broken(text, all_tests()) == []


def test_sentence_without_its_test_is_found() -> None:
    text = "- A. `test_a`\n- B, on\n  two lines. `test_b`\n- C.\n- D. `test_d`\n"
    assert broken(text, ["test_a", "test_b"]) == ["- C.", "- D. `test_d`"]
