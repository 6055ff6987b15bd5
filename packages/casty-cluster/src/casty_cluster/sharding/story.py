"""What operators learn of the shards of a node's regions: an event for each change, and lines of the log for many at
once.

A node that fails may take thousands of shards of hundreds of regions with it. What happens within a second to shards of
the same nodes for the same reason is one line of each region, with their number and the first of them; of many regions
it is one line.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, final

from casty.clock import TimerHandle
from casty.events import ShardMoved, ShardStarted, ShardStopped
from casty.extension import Kernel, Throttle
from casty.printable import printable
from casty.regions import ShardReason

from casty_cluster.protocol.sharding.effects import Note, ShardArrives, ShardEnds, ShardLeaves, ShardRuns, Warn

logger = logging.getLogger("casty.sharding")

PERIOD: Final = 1.0
"""Seconds for which changes are collected for a line."""
NAMED: Final = 10
"""Shards or regions that a line names, and regions that have lines of their own."""
LINES: Final = 10
"""Warnings of one kind in a minute: one cause, such as a journal that is away, may concern thousands of shards."""

_WHY: Final = {
    ShardReason.requested: "a message was sent to one of its entities",
    ShardReason.remembered: "its entities are remembered",
    ShardReason.rebalanced: "to rebalance the shards",
    ShardReason.leaving: "its node leaves",
    ShardReason.removed: "its node was removed from the cluster",
    ShardReason.late: "its node did not start it in time",
    ShardReason.replicated: "its copies change",
    ShardReason.fenced: "the journal has another owner",
    ShardReason.downed: "this node was removed from the cluster",
    ShardReason.shutdown: "no member stays to run it",
    ShardReason.other: "for a reason that only a newer version knows",
}


@dataclass(slots=True)
class _Line:
    """What has happened to shards of one region."""

    count: int = 0
    first: tuple[int, ...] = ()

    @property
    def shards(self) -> str:
        more = f" and {self.count - NAMED} more" if self.count > NAMED else ""
        shards = "shard" if self.count == 1 else f"{self.count} shards:"
        return f"{shards} {', '.join(map(str, self.first))}{more}"


@final
class Story:
    """See the module."""

    def __init__(self, kernel: Kernel) -> None:
        self._clock = kernel.clock
        self._stream = kernel.event_stream
        self._lines: dict[tuple[str, ShardReason], dict[str, _Line]] = {}
        """By what has happened, and by region."""
        self._timer: TimerHandle | None = None
        self.throttle = Throttle(kernel.clock, lines=LINES)
        """Limits warnings."""

    def warn(self, region: str, warning: Warn) -> None:
        if self.throttle.admits(warning.kind):
            logger.warning("region %s: %s", printable(region), warning.text)

    def tell(self, region: str, note: Note) -> None:
        """Publish the event now, and log it soon."""
        self._publish(region, note)
        line = self._lines.setdefault((_what(note), note.reason), {}).setdefault(region, _Line())
        line.count += 1
        if line.count <= NAMED:
            line.first = (*line.first, note.shard)
        if self._timer is None:
            self._timer = self._clock.call_later(PERIOD, self.write)

    def write(self) -> None:
        """Log what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, {}
        for (what, reason), regions in lines.items():
            for which in _which(regions):
                logger.info("%s %s (%s)", which, what, _WHY[reason])

    def _publish(self, region: str, note: Note) -> None:
        shard, reason = note.shard, note.reason
        match note:
            case ShardRuns(epoch=epoch):
                if self._stream.wants(ShardStarted):
                    self._stream.publish(ShardStarted(region=region, shard=shard, epoch=epoch, reason=reason))
            case ShardEnds(epoch=epoch):
                if self._stream.wants(ShardStopped):
                    self._stream.publish(ShardStopped(region=region, shard=shard, epoch=epoch, reason=reason))
            case ShardArrives(epoch=epoch, source=source, owner=owner):
                if self._stream.wants(ShardMoved):
                    moved = ShardMoved(
                        region=region, shard=shard, epoch=epoch, source=source, owner=owner, reason=reason
                    )
                    self._stream.publish(moved)
            case ShardLeaves():
                pass  # the event comes with the arrival


def _what(note: Note) -> str:
    match note:
        case ShardRuns():
            return "started on this node"
        case ShardEnds():
            return "stopped on this node"
        case ShardLeaves(owner=owner):
            return f"taken from {owner}"
        case ShardArrives(source=source, owner=owner):
            return f"moved from {source} to {owner}"


def _which(regions: Mapping[str, _Line]) -> Iterator[str]:
    """The shards of each region, or how many of all regions where these are too many."""
    if len(regions) <= NAMED:
        for region, line in regions.items():
            yield f"region {printable(region)}: {line.shards}"
        return
    named = ", ".join(map(printable, islice(regions, NAMED)))
    total = sum(line.count for line in regions.values())
    yield f"{len(regions)} regions: {named} and {len(regions) - NAMED} more: {total} shards"
