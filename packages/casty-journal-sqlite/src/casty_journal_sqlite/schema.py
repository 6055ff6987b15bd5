"""The tables of a journal file and their version, and the statements that write to them.

A batch is one statement, `INSERT … SELECT … FROM (VALUES (…), (…), …)`, not `executemany`. One statement is a
transaction of its own, so it is one call to aiosqlite's thread, which nothing can interleave and no
cancellation split; and that thread gives up the GIL once for the batch, not once for every row.
"""

from functools import cache
from typing import Final

APPLICATION_ID: Final = 0x43415354
"""The letters CAST, in SQLite's header field for the kind of a file."""

VERSION: Final = 1

EVENT_COLUMNS: Final = (
    "entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags, checksum"
)
SNAPSHOT_COLUMNS: Final = "entity_id, sequence_nr, manifest, version, payload, timestamp, checksum"

WIDTH: Final = EVENT_COLUMNS.count(",") + 1

LARGEST: Final = 1024
"""Rows of the largest statement: its parameters stay well below SQLite's default limit of 32,766."""

OLDEST_SQLITE: Final = (3, 32, 0)
"""The first with that limit."""

CREATE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
    ordering    INTEGER PRIMARY KEY AUTOINCREMENT,
    entity_id   TEXT    NOT NULL,
    sequence_nr INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    writer      TEXT    NOT NULL,
    event_id    BLOB    NOT NULL,
    manifest    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    payload     BLOB    NOT NULL,
    timestamp   REAL    NOT NULL,
    tags        TEXT,
    checksum    INTEGER NOT NULL,
    UNIQUE (entity_id, sequence_nr)
);
CREATE TABLE IF NOT EXISTS snapshots (
    entity_id   TEXT    NOT NULL,
    sequence_nr INTEGER NOT NULL,
    manifest    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    payload     BLOB    NOT NULL,
    timestamp   REAL    NOT NULL,
    checksum    INTEGER NOT NULL,
    PRIMARY KEY (entity_id, sequence_nr)
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""

REPLAY: Final = f"""
SELECT {EVENT_COLUMNS} FROM events
WHERE entity_id = ? AND sequence_nr BETWEEN ? AND ? ORDER BY sequence_nr LIMIT ?
"""

HIGHEST: Final = "SELECT coalesce(max(sequence_nr), 0) FROM events WHERE entity_id = ?"

SAVE_SNAPSHOT: Final = f"INSERT OR REPLACE INTO snapshots ({SNAPSHOT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"

PRUNE_SNAPSHOTS: Final = """
DELETE FROM snapshots WHERE entity_id = ?1 AND sequence_nr NOT IN (
    SELECT sequence_nr FROM snapshots WHERE entity_id = ?1 ORDER BY sequence_nr DESC LIMIT ?2
)
"""

LOAD_SNAPSHOT: Final = f"""
SELECT {SNAPSHOT_COLUMNS} FROM snapshots
WHERE entity_id = ? AND sequence_nr <= ? ORDER BY sequence_nr DESC LIMIT 1
"""


@cache
def insert_events(rows: int) -> str:
    """The statement for up to `rows` events; a row whose parameters are all NULL is left out."""
    values = _values(rows, WIDTH)
    return f"INSERT INTO events ({EVENT_COLUMNS}) SELECT * FROM ({values}) WHERE column1 IS NOT NULL"


@cache
def highest_of(entities: int) -> str:
    """The statement for the highest numbers of up to `entities` entities; answers id and number of each that
    has events.
    """
    return (
        "SELECT column1, (SELECT max(sequence_nr) FROM events WHERE entity_id = column1) AS highest "
        f"FROM ({_values(entities, 1)}) WHERE highest IS NOT NULL"
    )


def size_for(rows: int) -> int:
    """The size of statement for so many rows: the next power of two, so that there are eleven to prepare and
    not a thousand.
    """
    return min(1 << (rows - 1).bit_length(), LARGEST)


def _values(rows: int, width: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"VALUES {', '.join([row] * rows)}"
