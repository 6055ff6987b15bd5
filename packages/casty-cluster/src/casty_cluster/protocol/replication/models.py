"""The histories that copies are to have: before the primary acts those that it has chosen, then its own."""

from collections.abc import Mapping
from typing import Protocol

from casty_cluster.protocol.replication.decision import Choice
from casty_cluster.protocol.replication.history import History
from casty_cluster.wire.replication import START, CopyId, Epoch, Position


class Model(Protocol):
    """The histories that a copy is to have."""

    def end(self, entity: str) -> Position:
        """The last event of the entity."""
        ...

    def start(self, entity: str) -> int:
        """The last event from before the epoch of the primary."""
        ...

    def shared(self, entity: str, position: Position) -> int:
        """The last event that a history which ends at that position may have in common with this one."""
        ...

    def source(self, entity: str) -> CopyId:
        """A copy that has the history."""
        ...


class Chosen:
    """For the primary's own copy: each history is that of the copy which it was chosen from."""

    def __init__(self, choices: Mapping[str, Choice]) -> None:
        self._choices = choices

    def end(self, entity: str) -> Position:
        return self._choices[entity].position

    def start(self, entity: str) -> int:
        return self._choices[entity].position.sequence_nr

    def shared(self, entity: str, position: Position) -> int:
        return min(position.sequence_nr, self.start(entity))

    def source(self, entity: str) -> CopyId:
        return self._choices[entity].source


class Own:
    """For the other copies: the histories of the primary."""

    def __init__(self, local: CopyId, epoch: Epoch, histories: Mapping[str, History]) -> None:
        self._local = local
        self._epoch = epoch
        self._histories = histories

    def end(self, entity: str) -> Position:
        history = self._histories.get(entity)
        return START if history is None else history.position

    def start(self, entity: str) -> int:
        history = self._histories.get(entity)
        return 0 if history is None else history.before(self._epoch)

    def shared(self, entity: str, position: Position) -> int:
        history = self._histories.get(entity)
        return 0 if history is None else history.shared(position)

    def source(self, entity: str) -> CopyId:
        return self._local
