"""Appends events to the file.

Before an append, an entity's highest number comes from memory, not from the file. That is safe even if other stores
write to the same file: numbers only grow, so if the memory is outdated, the next number is taken, and the
table's uniqueness or the mark of deleted events refuses it. In the same way, a writer is assumed to
hold the epoch that it names, and the statement refuses the events if it does not. The tables are read only then, and
before a group is refused.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched, chain
from typing import Any, Final, final

import aiosqlite
from casty.errors import JournalError
from casty.spi.journal import AppendGroup, AppendOutcome
from casty.spi.sequence import Chain, Verdict, chain_of, conflict, examine, fenced

from casty_journal_sqlite import statements
from casty_journal_sqlite.rows import event_rows

REMEMBERED: Final = 100_000
"""Entities whose highest number is kept in memory, at about 150 bytes each."""

_ROW_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    UnicodeError,
    OverflowError,
)
"""Errors that one row can cause; all others concern the file as a whole."""


@final
class Appender:
    """Stores groups; every append is one transaction, or one per group if one of them is bad."""

    __slots__ = ("_highest", "_reading", "_writing")

    def __init__(self, writing: aiosqlite.Connection, reading: aiosqlite.Connection) -> None:
        self._writing = writing
        self._reading = reading
        self._highest: dict[str, int] = {}

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        """See `JournalStore`. Raises `sqlite3.Error` for errors that no single group has caused."""
        try:
            return await self._append(groups)
        except _ROW_ERRORS:
            # One statement does not say which row it was.
            return await self._append_each(groups)

    async def _append(self, groups: Sequence[AppendGroup], broken: Collection[Chain] = ()) -> Sequence[AppendOutcome]:
        entities = {group[0].entity_id for group in groups if group}
        unknown = entities - self._highest.keys()
        if unknown:
            self._remember(await self._look_up(unknown))
        verdict = examine(groups, self._highest, broken=broken)
        if any(verdict.outcomes):
            # Not from memory: another append may clear it at any time.
            highest = await self._look_up(entities)
            verdict = await self._examine_closely(groups, highest, broken)
        await self._insert(verdict.accepted)
        self._remember(verdict.highest)
        return verdict.outcomes

    async def _append_each(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        outcomes: list[AppendOutcome] = []
        broken: set[Chain] = set()
        for group in groups:
            outcome = await self._append_alone(group, broken) if group else None
            if outcome is not None:
                broken.add(chain_of(group))
            outcomes.append(outcome)
        return outcomes

    async def _append_alone(self, group: AppendGroup, broken: Collection[Chain]) -> AppendOutcome:
        first = group[0]
        self._highest.pop(first.entity_id, None)
        try:
            return (await self._append([group], broken))[0]
        except sqlite3.IntegrityError as error:
            if str(error).endswith(statements.NUMBER_COLUMN):
                # Another store has written since the table was read, a moment ago.
                return conflict(first.entity_id, first.sequence_nr, group[-1].sequence_nr + 1)
            if str(error).endswith(statements.FENCED_COLUMN):
                return fenced(first.entity_id, first.writer, first.epoch)
            return _unstorable(group, error)
        except _ROW_ERRORS as error:
            return _unstorable(group, error)

    def _remember(self, highest: Mapping[str, int]) -> None:
        if len(self._highest) + len(highest) > REMEMBERED:
            self._highest.clear()
        self._highest.update(highest)

    async def _look_up(self, entities: Collection[str]) -> dict[str, int]:
        """The highest numbers of these entities in the file."""
        highest = dict.fromkeys(entities, 0)
        for some in batched(entities, statements.LARGEST):
            size = statements.size_for(len(some))
            parameters = (*some, *[None] * (size - len(some)))
            found: Any = await self._reading.execute_fetchall(statements.highest_of(size), parameters)
            highest.update(found)
        return highest

    async def _examine_closely(
        self, groups: Sequence[AppendGroup], highest: Mapping[str, int], broken: Collection[Chain]
    ) -> Verdict:
        """Decide on the groups, given the stored events and the holders of epochs."""
        stored: dict[tuple[str, int], bytes] = {}
        held: dict[tuple[str, int], bool] = {}
        for group in groups:
            if group and group[-1].sequence_nr <= highest[group[0].entity_id]:
                entity_id, first, last = group[0].entity_id, group[0].sequence_nr, group[-1].sequence_nr
                rows = await self._reading.execute_fetchall(statements.EVENT_IDS, (entity_id, first, last))
                stored.update(((entity_id, number), event_id) for number, event_id in rows)
            for hold in {(record.writer, record.epoch) for record in group if record.epoch} - held.keys():
                ((holds,),) = await self._reading.execute_fetchall(statements.HOLDS, hold)
                held[hold] = bool(holds)
        return examine(
            groups,
            highest,
            event_id_of=lambda entity_id, number: stored.get((entity_id, number)),
            holds=lambda writer, epoch: held[writer, epoch],
            broken=broken,
        )

    async def _insert(self, groups: Iterable[AppendGroup]) -> None:
        parameters, tagged = event_rows(chain.from_iterable(groups))
        if not parameters:
            return
        size = statements.size_for(len(parameters) // statements.WIDTH)
        statement, step = statements.insert_events(size, tagged=tagged), size * statements.WIDTH
        parameters += [None] * (-len(parameters) % step)
        if len(parameters) == step:
            await self._writing.execute_fetchall(statement, parameters)
        else:
            await self._writing.executemany(statement, list(batched(parameters, step)))


def _unstorable(group: AppendGroup, error: Exception) -> JournalError:
    unstorable = JournalError(
        f"events {group[0].sequence_nr} to {group[-1].sequence_nr} of the entity {group[0].entity_id!r} "
        f"cannot be stored by SQLite: {error}"
    )
    unstorable.__cause__ = error
    return unstorable
