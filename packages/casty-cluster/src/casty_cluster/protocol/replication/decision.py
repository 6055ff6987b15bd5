"""Which history of each entity is continued, by the reports of copies whose promises suffice. See `promises`.

It is made in steps, as there may be a hundred thousand entities, and the node has other work to do.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from casty_cluster.protocol.replication.lives import NEVER, Life
from casty_cluster.wire.replication import BEFORE, START, CopyId, Epoch, Position


class Choice(NamedTuple):
    """The history of an entity that is continued: it ends at `position`, and `source` has it."""

    position: Position
    source: CopyId


@dataclass(slots=True)
class Report:
    """What one copy has reported."""

    confirmed: Epoch = BEFORE
    positions: dict[str, Position] = field(default_factory=dict[str, Position])
    parts: set[int] = field(default_factory=set[int])
    expected: int = 0
    """How many parts there are; 0: the last one is missing."""
    life: Life = NEVER

    @property
    def is_complete(self) -> bool:
        return len(self.parts) == self.expected


class Decision:
    """The choices, complete when `step` has returned True."""

    def __init__(self, reports: Mapping[CopyId, Report], deciding: Sequence[CopyId]) -> None:
        """Of equal histories, that of the first copy is taken. Copies that do not decide only name entities."""
        self.choices: dict[str, Choice] = {}
        self._reports = reports
        self._deciding = deciding
        latest = max(deciding, key=lambda copy: reports[copy].confirmed)
        self._nothing = Choice(START, latest)
        self._rank_of_nothing = _rank(START, reports[latest].confirmed)
        self._ranks: dict[str, Position] = {}
        self._copies = deque([*deciding, *(copy for copy in reports if copy not in deciding)])
        self._copy = latest
        self._left: list[tuple[str, Position]] = []
        """What the present copy has reported, and was not compared."""

    def step(self, entities: int) -> bool:
        """Go on with that many entities. Returns whether all is decided."""
        while entities > 0:
            if not self._left:
                if not self._copies:
                    return True
                self._copy = self._copies.popleft()
                self._left = [*self._reports[self._copy].positions.items()]
            part = self._left[-entities:]
            del self._left[-entities:]
            self._compare(self._copy, part)
            entities -= len(part)
        return False

    def _compare(self, copy: CopyId, positions: Sequence[tuple[str, Position]]) -> None:
        decides, confirmed = copy in self._deciding, self._reports[copy].confirmed
        for entity, position in positions:
            self.choices.setdefault(entity, self._nothing)
            rank = _rank(position, confirmed)
            if decides and rank > self._ranks.get(entity, self._rank_of_nothing):
                self._ranks[entity] = rank
                self.choices[entity] = Choice(position, copy)


def _rank(position: Position, confirmed: Epoch) -> Position:
    """The place of a history among those of its entity, on a copy that was confirmed at that epoch."""
    return Position(confirmed, position.sequence_nr) if confirmed > position.epoch else position
