"""The English of docs, docstrings, comments, messages and names: phrases that readers stumble over are kept out.

Text and identifiers are searched alike, so `nobody`, `test_nobody_waits` and `Nobody` are one word.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT

SUGGESTIONS: Final = {
    "whoever|whomever|whom": "name it: the node, actor, caller or process that ...",
    "who": "name it; `who` is for people: users, readers, operators",
    "somebody|someone|anybody|anyone": "name it: another node, any caller, an actor",
    "nobody|noone|no one": "name it: no node, no actor, no caller",
    "everybody|everyone": "name it: all members, every actor, all readers",
    "given up": "downed (a member); abandoned (an attempt)",
    "(?:gives?|gave|giving) (?:itself|themselves|it|them) up": "down, downs itself",
    "(?:am|is|are|was|were|be|been|being|gets?) told": "is notified, receives, learns; is configured",
    "answers (?:true|false|none|whether|what|how many|with)": "returns",
    "lets? (?:it |them |others |nodes |a node )?in|letting in": "admit, accept, join",
    "laments?|bury|buries|buried": "publish as undeliverable; dead letter",
    "how manieth": "the order in which",
    "hindrance": "the reason why it is blocked",
    "vouch|vouches": "guard, track",
    "heard again": "reachable again",
    "begets?": "cause, produce",
    "hold good": "hold, apply",
}
"""A phrase in lower case, and what to write in its place. A space stands for any gap, also within an identifier."""

PEOPLE: Final = (
    "users",
    "user",
    "readers",
    "reader",
    "people",
    "those",
    "operators",
    "engineers",
    "developers",
    "person",
)
"""They are who, not that."""

PUBLIC_NAMES: Final = re.compile(r'"casty\.[\w.]+"|"/_nobody"|`[^`\n]*`|\w*give_up_after|\bNOBODY\b')
"""Wire literals and names that users have: they stay as they are."""

FOLDERS: Final = ("docs", "examples", "benchmarks", "packages", "tests")
SUFFIXES: Final = {".md", ".py", ".toml"}


def prose(words: str) -> str:
    """A regular expression for a phrase in which a gap may be the end of a comment's line, or the `_` of a name."""
    return words.replace(" ", r"[\s#_-]*")


START: Final = r"(?-i:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
END: Final = r"(?-i:(?![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
"""Of a word, also of one within a name in `snake_case` or `CamelCase`."""
PEOPLE_BEFORE: Final = "".join(rf"(?<!\b{noun}\s)" for noun in PEOPLE)
PHRASES: Final = "|".join((PEOPLE_BEFORE if words == "who" else "") + prose(words) for words in SUGGESTIONS)
PHRASE: Final = re.compile(f"{START}(?:{PHRASES}){END}", re.I)
"""All of them at once: one search for each of them takes several times as long."""


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """The phrases in a text: line, phrase, and what to write in its place."""
    searched = PUBLIC_NAMES.sub(lambda name: " " * len(name[0]), text)
    for found in PHRASE.finditer(searched):
        words = next(words for words in SUGGESTIONS if re.fullmatch(prose(words), found[0], re.I))
        yield searched.count("\n", 0, found.start()) + 1, " ".join(found[0].split()), SUGGESTIONS[words]


def files() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES)


def test_every_text_is_plain_english() -> None:
    stumbles = [
        f"{path.relative_to(ROOT)}:{line}: {found!r}: {suggestion}"
        for path in files()
        if path != Path(__file__)
        for line, found, suggestion in findings(path.read_text())
    ]
    assert stumbles == []


def test_all_texts_are_read() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in files()} >= {*FOLDERS, "README.md", "CHANGELOG.md"}


@pytest.mark.parametrize(
    "text",
    [
        "Whoever waits is told so.",
        "The node that nobody hears",
        "def test_a_node_that_was_given_up() -> None: ...",
        "class GivenUp: ...",
        "# it has been given\n    # up by the rest",
        "The side that gives itself up",
        "Answers whether it did.",
        "def _lament(message): ...",
        "The how-manieth member it was to come up",
        "actors who wait",
        "A node asks to be let in.",
    ],
)
def test_a_planted_phrase_is_found(text: str) -> None:
    assert list(findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "users who know Akka",
        '"casty.membership.GivenUp"',
        "options = { give_up_after = 10 }",
        "buryat, WHOLE, intelligence",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert list(findings(text)) == []
