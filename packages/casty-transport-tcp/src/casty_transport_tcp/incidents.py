"""Counts and logs what becomes of connections: users must see why a peer does not get in, and not in every line.

Each address has a line for each reason, and another one when `QUIET_SECONDS` have passed. Whoever connects from many
addresses, or claims many, fills only so many lines: the rest is counted together.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from casty.printable import printable

from casty_transport_tcp.reasons import Ending, Reason

logger = logging.getLogger("casty.transport")

QUIET_SECONDS: Final = 10.0
"""Between two lines in the log about the same reason and address."""
MOST_ADDRESSES: Final = 20
"""That have lines of their own for one reason at a time."""

_ELSEWHERE: Final = ""
"""Stands for all other addresses."""
_EXPECTED: Final = {Reason.closed, Reason.itself}
"""Reasons that are as it should be: a node that is given its own name as a seed dials itself."""


@dataclass(slots=True)
class _Line:
    """What was last logged about one reason and address."""

    at: float
    more: int = 0
    """How often it has happened since."""


@final
class Incidents:
    """What has happened to the connections of one endpoint."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lines: defaultdict[str, dict[str, _Line]] = defaultdict(dict)
        """By reason, and then by address."""

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def note(self, who: str, ending: Ending, *, address: str) -> None:
        """A connection from or to `who`, at that address, was refused, failed or has ended."""
        counter = ending.counter
        self._counts[counter] += 1
        if ending.reason in _EXPECTED:
            return
        level = logging.INFO if ending.reason is Reason.unreachable else logging.WARNING
        now, lines = asyncio.get_running_loop().time(), self._lines[counter]
        line = lines.get(address)
        if line is None:
            line = self._new(lines, address, now)
        if now - line.at < QUIET_SECONDS:
            line.more += 1
            return
        more, line.at, line.more = line.more, now, 0
        text = f" (and {more} more of the kind)" if more else ""
        logger.log(level, "%s: %s%s", printable(who), printable(ending), text)

    def _new(self, lines: dict[str, _Line], address: str, now: float) -> _Line:
        """One that is due now, for the address if there is room for it."""
        if len(lines) >= MOST_ADDRESSES:
            for old in [old for old, line in lines.items() if now - line.at >= QUIET_SECONDS and old != _ELSEWHERE]:
                del lines[old]
        if len(lines) >= MOST_ADDRESSES:
            return lines.setdefault(_ELSEWHERE, _Line(float("-inf")))
        return lines.setdefault(address, _Line(float("-inf")))
