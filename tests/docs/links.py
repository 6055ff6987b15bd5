"""The links of the documents: where each stands, and whether there is something at its other end."""

import re
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

FENCED: Final = re.compile(r"^( *)```.*?^\1```$", re.M | re.S)
QUOTED: Final = re.compile(r"`[^`\n]+`")
LINK: Final = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.M)


class Link(NamedTuple):
    """A link, and the line that it stands on."""

    line: int
    target: str

    @property
    def leads_outside(self) -> bool:
        return re.match(r"[a-z]+:", self.target) is not None


def blank(code: re.Match[str]) -> str:
    """As many lines, with nothing on them."""
    return re.sub(r"[^\n]", " ", code[0])


def links(text: str) -> list[Link]:
    """The inline links of a page, in order. Brackets in code are no links."""
    prose = QUOTED.sub(blank, FENCED.sub(blank, text))
    return [Link(prose.count("\n", 0, found.start()) + 1, found[1]) for found in LINK.finditer(prose)]


def anchors(text: str) -> set[str]:
    """What `#...` may name on a page, by GitHub's rules."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCED.sub(blank, text)):
        words = anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for number in count(1):
            if anchor not in found:
                break
            anchor = f"{words}-{number}"
        found.add(anchor)
    return found


def broken(page: Path) -> list[str]:
    """Links of the page that lead to a file or a heading that does not exist; those to other sites are not followed."""
    found: list[str] = []
    for line, target in (link for link in links(page.read_text()) if not link.leads_outside):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists():
            found.append(f"{page.name}:{line}: {target}: there is no such file")
        elif anchor and anchor not in anchors(file.read_text()):
            found.append(f"{page.name}:{line}: {target}: there is no such heading")
    return found
