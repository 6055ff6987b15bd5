"""The statements on the tables of a journal file.

A batch is one statement, `INSERT … SELECT … FROM (VALUES (…), (…), …)`, not `executemany`. One statement is a
transaction of its own, so it is one call to aiosqlite's thread, which no other call can interleave and no
cancellation split; and that thread releases the GIL once per batch, not once per row.
"""

from functools import cache
from typing import Final

from casty_journal_sqlite.schema import EVENT_COLUMNS, SNAPSHOT_COLUMNS

WIDTH: Final = EVENT_COLUMNS.count(",") + 1

LARGEST: Final = 1024
"""Rows of the largest statement: its parameters stay well below SQLite's limit."""

REPLAY: Final = f"""
SELECT {EVENT_COLUMNS} FROM events
WHERE entity_id = ? AND sequence_nr BETWEEN ? AND ? ORDER BY sequence_nr LIMIT ?
"""

_HIGHEST_OF: Final = """max(
    coalesce((SELECT max(sequence_nr) FROM events WHERE entity_id = {0}), 0),
    coalesce((SELECT sequence_nr FROM deletions WHERE entity_id = {0}), 0)
)"""

# Not a numbered parameter: Python 3.12 treats it as a named one, and takes its value from a dict only.
HIGHEST: Final = f"SELECT {_HIGHEST_OF.format('wanted')} FROM (SELECT ? AS wanted)"

DELETE: Final = "DELETE FROM events WHERE entity_id = ? AND sequence_nr <= ?"

EVENT_IDS: Final = "SELECT sequence_nr, event_id FROM events WHERE entity_id = ? AND sequence_nr BETWEEN ? AND ?"

READ: Final = f"SELECT ordering, {EVENT_COLUMNS} FROM events WHERE ordering > ? ORDER BY ordering LIMIT ?"

# The number that AUTOINCREMENT remembers, which includes deleted rows.
HIGHEST_OFFSET: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"

# Jumps from one entity to the next, without reading all events of each.
ENTITY_IDS: Final = """
WITH RECURSIVE ids (id) AS (
    SELECT min(entity_id) FROM events WHERE entity_id > ?
    UNION ALL SELECT (SELECT min(entity_id) FROM events WHERE entity_id > id) FROM ids WHERE id IS NOT NULL
)
SELECT id FROM ids WHERE id IS NOT NULL LIMIT ?
"""

CLAIM: Final = """
INSERT INTO fences (key, owner, epoch) SELECT :key, :owner, coalesce(:epoch, 1) WHERE coalesce(:epoch, 1) > 0
ON CONFLICT (key) DO UPDATE SET owner = :owner, epoch = coalesce(:epoch, epoch + 1)
WHERE :epoch IS NULL OR :epoch > epoch OR (:epoch = epoch AND :owner = owner)
RETURNING epoch
"""

FENCE: Final = "SELECT owner, epoch FROM fences WHERE key = ?"

HOLDS: Final = "SELECT EXISTS (SELECT 1 FROM fences WHERE owner = ? AND epoch = ?)"

SAVE_SNAPSHOT: Final = f"INSERT OR REPLACE INTO snapshots ({SNAPSHOT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

PRUNE_SNAPSHOTS: Final = """
DELETE FROM snapshots WHERE entity_id = :entity_id AND sequence_nr NOT IN (
    SELECT sequence_nr FROM snapshots WHERE entity_id = :entity_id ORDER BY sequence_nr DESC LIMIT :keep
)
"""

LOAD_SNAPSHOT: Final = f"""
SELECT {SNAPSHOT_COLUMNS} FROM snapshots
WHERE entity_id = ? AND sequence_nr <= ? ORDER BY sequence_nr DESC LIMIT 1
"""

# The columns are: the entity, the number, the epoch, its writer.
_FREE: Final = (
    "CASE WHEN NOT EXISTS (SELECT 1 FROM deletions WHERE entity_id = column1 AND sequence_nr >= column2) "
    "THEN column2 END"
)
_FENCED: Final = (
    "CASE WHEN column3 = 0 OR EXISTS (SELECT 1 FROM fences WHERE owner = column4 AND epoch = column3) THEN column3 END"
)
_VALUES_OF_EVENT: Final = ", ".join({2: _FREE, 3: _FENCED}.get(n, f"column{n}") for n in range(1, WIDTH + 1))

NUMBER_COLUMN: Final = "events.sequence_nr"
"""The end of SQLite's error if `insert_events` fails for the number of a stored or deleted event."""

FENCED_COLUMN: Final = "events.epoch"
"""The end of its error for an epoch that the writer does not hold."""


@cache
def insert_events(rows: int, *, tagged: bool) -> str:
    """The statement for up to `rows` events, some of which may have tags if `tagged`; a row whose parameters are all
    NULL is skipped.

    The number of a deleted event, and an epoch that the writer does not hold, become NULL, which the table refuses, and
    with it the whole statement.
    """
    return (
        f"INSERT INTO {'tagged_events' if tagged else 'events'} ({EVENT_COLUMNS}) "
        f"SELECT {_VALUES_OF_EVENT} FROM ({_values(rows, WIDTH)}) WHERE column1 IS NOT NULL"
    )


@cache
def highest_of(entities: int) -> str:
    """The statement for the highest numbers of up to `entities` entities; returns id and number of each that
    has, or had, events.
    """
    return f"SELECT column1, {_HIGHEST_OF.format('column1')} AS highest FROM ({_values(entities, 1)}) WHERE highest > 0"


@cache
def read_tagged(tags: int) -> str:
    """The statement for events with any of `tags` tags; its parameters are the tag, the offset and the limit of each,
    and the limit once more.
    """
    # Each part stops at the limit, so that a long history costs nothing.
    of_one = "SELECT ordering FROM (SELECT ordering FROM tags WHERE tag = ? AND ordering > ? ORDER BY ordering LIMIT ?)"
    return (
        f"SELECT ordering, {EVENT_COLUMNS} FROM events WHERE ordering IN ({' UNION '.join([of_one] * tags)}) "
        "ORDER BY ordering LIMIT ?"
    )


def size_for(rows: int) -> int:
    """The statement size for that many rows: the next power of two, so that eleven statements are prepared and
    not a thousand.
    """
    return min(1 << (rows - 1).bit_length(), LARGEST)


def _values(rows: int, width: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"VALUES {', '.join([row] * rows)}"
