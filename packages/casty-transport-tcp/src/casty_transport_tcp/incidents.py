"""Counts and logs of why connections fail and end: an operator must see why a peer cannot connect, in few lines.

Each address has one line per reason in `QUIET_SECONDS`. A peer that connects from many addresses, or claims many, does
not cause more lines: beyond `MOST_ADDRESSES` they share one.
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
"""Addresses with lines of their own, for each reason."""

_ELSEWHERE: Final = ""
"""Stands for all other addresses."""
UNKNOWN_KIND: Final = "unknown-kind"
"""The counter of skipped frames."""
_EXPECTED: Final = {Reason.closed, Reason.itself}
"""Reasons that need no line: a node whose seeds contain its own name dials itself."""


@dataclass(slots=True)
class _Line:
    """The last line about one reason and address."""

    at: float
    more: int = 0
    """Occurrences since then."""


@final
class Incidents:
    """The counts and lines of one endpoint."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lines: defaultdict[str, dict[str, _Line]] = defaultdict(dict)
        """By reason, and then by address."""

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def note(self, connection: str, ending: Ending, *, address: str) -> None:
        """A connection from or to that address was rejected, failed or has ended."""
        counter = ending.counter
        self._counts[counter] += 1
        if ending.reason not in _EXPECTED:
            level = logging.INFO if ending.reason is Reason.unreachable else logging.WARNING
            self._log(level, counter, f"{printable(connection)}: {printable(ending)}", address)

    def skipped(self, peer: str, kind: int, *, address: str) -> None:
        """A frame of an unknown kind was skipped."""
        self._counts[UNKNOWN_KIND] += 1
        text = f"unknown frame kind {kind} is skipped; the peer may be running a newer version of Casty"
        self._log(logging.INFO, UNKNOWN_KIND, f"{printable(peer)}: {text}", address)

    def _log(self, level: int, counter: str, text: str, address: str) -> None:
        now, lines = asyncio.get_running_loop().time(), self._lines[counter]
        line = lines.get(address)
        if line is None:
            line = self._new(lines, address, now)
        if now - line.at < QUIET_SECONDS:
            line.more += 1
            return
        more, line.at, line.more = line.more, now, 0
        logger.log(level, "%s%s", text, f" (and {more} more of the kind)" if more else "")

    def _new(self, lines: dict[str, _Line], address: str, now: float) -> _Line:
        """A line that is due now, of the address's own if there is room for it."""
        if len(lines) >= MOST_ADDRESSES:
            for old in [old for old, line in lines.items() if now - line.at >= QUIET_SECONDS and old != _ELSEWHERE]:
                del lines[old]
        if len(lines) >= MOST_ADDRESSES:
            return lines.setdefault(_ELSEWHERE, _Line(float("-inf")))
        return lines.setdefault(address, _Line(float("-inf")))
