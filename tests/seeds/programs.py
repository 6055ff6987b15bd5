"""The complete programs of the seed documents, as they are written."""

import re
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
PROGRAM = re.compile(
    r"^import asyncio\n(?:(?!^import asyncio\n).)*?^asyncio\.run\(main\(\)\)$", re.MULTILINE | re.DOTALL
)
NO_BREAK_SPACE = "\u00a0"

needs_seeds = pytest.mark.skipif(not SEEDS.is_dir(), reason=f"the seed documents are not there: {SEEDS}")


def programs() -> dict[tuple[str, int], str]:
    """By the document's number, and the program's place in it."""
    return {
        (document.name[:3], number): match.group().replace(NO_BREAK_SPACE, " ")
        for document in sorted(SEEDS.glob("*.txt"))
        for number, match in enumerate(PROGRAM.finditer(document.read_text(encoding="utf-8")))
    }
