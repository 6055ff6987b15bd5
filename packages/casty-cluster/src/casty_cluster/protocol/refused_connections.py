"""Which members' machines refuse connections: a hint, sooner than silence is proof, that their processes have ended.

Theory of operation. The kernel of a machine whose process was killed resets its connections and refuses new ones, all
in milliseconds. A process that stands still, a partitioned network and a machine without power refuse nothing, so they
never cause a hint; but a proxy or a firewall that is being changed may refuse connections to a live process. So a hint
alone decides nothing: a member is suspected once it was refused `LEAST` times in a row, over at least `patience`
seconds in which it gave no sign of life. Any frame of the member ends the series, and so does an attempt that fails in
another way. What a suspicion leads to is left to the members that can be reached (see `membership.split`).

Invariant: only members are suspected.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, final

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure

LEAST: Final = 2
STALE: Final = 5.0
"""Seconds after which a refusal counts no more: longer than a transport pauses between two attempts."""


@dataclass(slots=True)
class _Series:
    first: float
    last: float
    count: int = 0


@final
class RefusedConnections:
    """The series of refused connections of all other members."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._series: dict[NodeId, _Series | None] = {}
        """Of each other member; None: it has none."""

    def members(self, others: Collection[NodeId]) -> None:
        """These are the other members now."""
        self._series = {node: self._series.get(node) for node in others}

    def failed(self, address: PeerAddress, failure: ConnectFailure, now: float) -> None:
        """An attempt to connect to that address has failed."""
        for node, series in self._series.items():
            if node.address != address:
                continue
            if failure is not ConnectFailure.refused:
                self._series[node] = None
                continue
            if series is None or now - series.last > STALE:
                series = self._series[node] = _Series(now, now)
            series.last = now
            series.count += 1

    def heard(self, node: NodeId) -> None:
        """A frame of that node arrived."""
        if node in self._series:
            self._series[node] = None

    def suspects(self, now: float) -> frozenset[NodeId]:
        """Return the members whose processes are likely to have ended."""
        return frozenset(
            node for node, series in self._series.items() if series is not None and self._is_convincing(series, now)
        )

    def _is_convincing(self, series: _Series, now: float) -> bool:
        return series.count >= LEAST and now - series.first >= self._patience and now - series.last <= STALE
