"""What became of each message: handled once and in order, or lost for a reason."""

from typing import NamedTuple


class Letter(NamedTuple):
    """A message of an actor to an entity, with its number among all of the two."""

    actor: int
    entity: str
    number: int


class Ledger:
    """Raises AssertionError for a message that is lost without a cause, or handled out of order."""

    def __init__(self) -> None:
        self.faulty = False
        """Whether anything has happened that excuses losses."""
        self._sent: dict[tuple[int, str], int] = {}
        self._handled: dict[tuple[int, str], int] = {}
        self._open: dict[Letter, None] = {}

    def send(self, actor: int, entity: str) -> Letter:
        number = self._sent[actor, entity] = self._sent.get((actor, entity), 0) + 1
        letter = Letter(actor, entity, number)
        self._open[letter] = None
        return letter

    def handled(self, letter: Letter) -> None:
        last = self._handled.get(letter[:2], 0)
        assert letter.number > last, f"S3: {letter} is handled after number {last}"
        self._handled[letter[:2]] = letter.number
        self._open.pop(letter, None)

    def lost(self, letter: Letter, why: str, *, excused: bool = False) -> None:
        assert self.faulty or excused, f"S2: {letter} is lost without a fault: {why}"
        self._open.pop(letter, None)

    def check_all_settled(self) -> None:
        assert not self._open, f"S2: neither handled nor lost for a reason: {list(self._open)}"
