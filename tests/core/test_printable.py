"""Text of strangers stays on its line."""

import pytest
from casty.printable import LONGEST, printable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("node-1", "node-1"),
        ("größe 名前", "größe 名前"),
        ("a\n2026-01-01 ERROR forged", r"a\n2026-01-01 ERROR forged"),
        ("a\r\x1b[31m\x00", r"a\r\x1b[31m\x00"),
        ("a\u2028\u202eb\x85", r"a\u2028\u202eb\x85"),
        ("\ud800", r"\ud800"),
        (7, "7"),
        ("", ""),
    ],
)
def test_what_would_break_a_line_is_escaped(given: object, shown: str) -> None:
    assert printable(given) == shown


def test_what_is_too_long_is_cut() -> None:
    assert printable("x" * 10_000) == "x" * LONGEST + "…"
