"""What a copy reports with its promise, part by part: a shard may have a hundred thousand entities.

Parts of one life and epoch always divide the report in the same way: from the promise on, the histories stay as they
are until the primary has the whole report.
"""

from collections.abc import Sequence
from typing import Final

from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.wire.replication import CopyId, Epoch, Position, Promised, to_positions

PART: Final = 48 * 1024
"""Bytes of one part, about: a control frame holds 60 KiB. Making one takes a few milliseconds."""
POSITION: Final = 14
"""Bytes of a position, beside the entity's name: of its length and of the number, at most."""
EPOCH: Final = 32
"""Bytes of an epoch, at most. It is named once for all positions of it."""


class Report:
    """One report under way."""

    def __init__(self, to: CopyId, epoch: Epoch, contents: Contents) -> None:
        self.to = to
        self.epoch = epoch
        self._contents = contents
        self._entities: Sequence[str] = [*contents.histories]
        self._next = 0
        self._part = 0

    @property
    def is_over(self) -> bool:
        """Whether the last part has been made. There is at least one, which may be empty."""
        return self._part > 0 and self._next == len(self._entities)

    def next_part(self) -> Promised:
        positions, number = to_positions(self._positions().items()), self._part
        self._part += 1
        return Promised(
            epoch=self.epoch,
            view=self._contents.view,
            confirmed=self._contents.confirmed,
            positions=positions,
            part=number,
            parts=self._part if self.is_over else 0,
            lives=self._contents.lives.known,
        )

    def _positions(self) -> dict[str, Position]:
        """Those of the next entities, as many as a part holds."""
        found: dict[str, Position] = {}
        epochs: set[Epoch] = set()
        size = 0
        while self._next < len(self._entities):
            entity = self._entities[self._next]
            history = self._contents.histories[entity]
            if history.last:
                position = history.position
                size += len(entity.encode()) + POSITION + (0 if position.epoch in epochs else EPOCH)
                if found and size > PART:
                    break
                found[entity] = position
                epochs.add(position.epoch)
            self._next += 1
        return found
