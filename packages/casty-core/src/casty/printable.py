"""Text of strangers as it may stand in a log line or an error."""

from typing import Final

LONGEST: Final = 500
"""Characters; the rest is cut off."""


def printable(text: object) -> str:
    """`str(text)` on one line: line breaks, control characters and marks that change the direction of writing are
    escaped, so that its author cannot forge a line of a log.
    """
    given = str(text)
    shown = given if len(given) <= LONGEST else f"{given[:LONGEST]}…"
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)
