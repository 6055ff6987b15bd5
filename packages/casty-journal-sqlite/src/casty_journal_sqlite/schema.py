"""The tables of a journal file, and the migrations that create them.

Version n of the schema is the result of the `MIGRATIONS` up to version n. A released migration is never changed.
"""

from typing import Final

APPLICATION_ID: Final = 0x43415354
"""The letters CAST, in SQLite's header field for the kind of a file."""

VERSION: Final = 3
"""1 had no deletions, 2 no serializers."""

OLDEST_SQLITE: Final = (3, 35, 0)
"""The first with RETURNING, and with a limit of 32,766 parameters."""

_FIRST_COLUMNS: Final = (
    "entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags, checksum"
)
EVENT_COLUMNS: Final = f"{_FIRST_COLUMNS}, serializer"
SNAPSHOT_COLUMNS: Final = "entity_id, sequence_nr, manifest, version, payload, timestamp, checksum, serializer"


def _tagged_events(columns: str) -> str:
    """The view for inserting events with tags: a trigger on the table itself would slow down all others by a tenth."""
    return f"""
CREATE VIEW IF NOT EXISTS tagged_events AS SELECT {columns} FROM events;
CREATE TRIGGER IF NOT EXISTS insert_tagged INSTEAD OF INSERT ON tagged_events BEGIN
    INSERT INTO events ({columns}) VALUES (NEW.{columns.replace(", ", ", NEW.")});
    INSERT INTO tags SELECT DISTINCT value, last_insert_rowid() FROM json_each(NEW.tags);
END;
"""


# Every deletion of events, even a manual one, leaves a mark, so that their numbers are not reused.
_TO_VERSION_2: Final = f"""
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
CREATE TABLE IF NOT EXISTS tags (
    tag         TEXT    NOT NULL,
    ordering    INTEGER NOT NULL,
    PRIMARY KEY (tag, ordering)
) WITHOUT ROWID;
{_tagged_events(_FIRST_COLUMNS)}CREATE TABLE IF NOT EXISTS deletions (
    entity_id   TEXT    PRIMARY KEY,
    sequence_nr INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS delete_event AFTER DELETE ON events BEGIN
    DELETE FROM tags WHERE ordering = OLD.ordering AND tag IN (SELECT value FROM json_each(OLD.tags));
    INSERT INTO deletions VALUES (OLD.entity_id, OLD.sequence_nr)
    ON CONFLICT (entity_id) DO UPDATE SET sequence_nr = max(sequence_nr, excluded.sequence_nr);
END;
CREATE TABLE IF NOT EXISTS fences (
    key         TEXT    PRIMARY KEY,
    owner       TEXT    NOT NULL,
    epoch       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fences_by_owner ON fences (owner, epoch);
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
"""

# Dropping the view drops its trigger.
_TO_VERSION_3: Final = f"""
ALTER TABLE events ADD COLUMN serializer TEXT;
ALTER TABLE snapshots ADD COLUMN serializer TEXT;
DROP VIEW tagged_events;
{_tagged_events(EVENT_COLUMNS)}
"""

MIGRATIONS: Final = {2: _TO_VERSION_2, VERSION: _TO_VERSION_3}
"""By target version; each runs within a transaction."""
