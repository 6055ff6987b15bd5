"""Counts and logs what becomes of connections: users must see why a peer does not get in, and not in every line."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final, final

from casty_transport_tcp.reasons import Ending, Reason

logger = logging.getLogger("casty.transport")

QUIET_SECONDS: Final = 10.0
"""Between two lines in the log about the same reason."""


@final
class Incidents:
    """What has happened to the connections of one endpoint."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._logged: dict[str, tuple[float, int]] = {}
        """When a reason was logged last, and how often it had been counted then."""

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def note(self, who: str, ending: Ending) -> None:
        """A connection from or to `who` was refused, failed or has ended."""
        counter = ending.counter
        self._counts[counter] += 1
        if ending.reason is Reason.closed:
            return
        now, count = asyncio.get_running_loop().time(), self._counts[counter]
        logged_at, logged_count = self._logged.get(counter, (now - QUIET_SECONDS, count - 1))
        if now - logged_at >= QUIET_SECONDS:
            self._logged[counter] = now, count
            more = count - logged_count - 1
            level = logging.INFO if ending.reason is Reason.unreachable else logging.WARNING
            logger.log(level, "%s: %s%s", who, ending, f" (and {more} more of the kind)" if more else "")
