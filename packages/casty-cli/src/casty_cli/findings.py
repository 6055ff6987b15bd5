"""The findings of `verify`: printed one by one up to a bound, and counted beyond it."""

from dataclasses import dataclass, field
from typing import Final

from casty_cli.terminal import printable

TOLD: Final = 1_000

RESTORE: Final = "restore a backup"
"""The cure if there is no other."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and its cure."""

    entity_id: str | None
    """None if the problem concerns no single entity."""
    sequence_nr: int | None
    problem: str

    def __str__(self) -> str:
        entity = "" if self.entity_id is None else f"{printable(self.entity_id)}: "
        number = "" if self.sequence_nr is None else f"event {self.sequence_nr}: "
        return f"{entity}{number}{self.problem}"


@dataclass(slots=True)
class Findings:
    """All findings, printed or not."""

    told: list[Finding] = field(default_factory=list[Finding])
    untold: int = 0

    @property
    def count(self) -> int:
        return len(self.told) + self.untold

    def add(self, entity_id: str | None, sequence_nr: int | None, problem: str) -> None:
        if len(self.told) < TOLD:
            self.told.append(Finding(entity_id, sequence_nr, problem))
        else:
            self.untold += 1
