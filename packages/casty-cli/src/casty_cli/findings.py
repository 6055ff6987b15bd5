"""What `verify` has found: told one by one up to a bound, and counted beyond it."""

from dataclasses import dataclass, field
from typing import Final

from casty_cli.terminal import printable

TOLD: Final = 1_000

RESTORE: Final = "restore a backup"
"""What is to be done about what nothing else mends."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and what to do about it."""

    entity_id: str | None
    """None where no single entity is to blame."""
    sequence_nr: int | None
    problem: str

    def __str__(self) -> str:
        entity = "" if self.entity_id is None else f"{printable(self.entity_id)}: "
        number = "" if self.sequence_nr is None else f"event {self.sequence_nr}: "
        return f"{entity}{number}{self.problem}"


@dataclass(slots=True)
class Findings:
    """All of them."""

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
