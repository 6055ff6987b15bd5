"""The tables of a journal file, and their version."""

from typing import Final

APPLICATION_ID: Final = 0x43415354
"""The letters CAST, in SQLite's header field for the kind of a file."""

VERSION: Final = 2
"""1 had no deletions."""

OLDEST_SQLITE: Final = (3, 35, 0)
"""The first with RETURNING, and with a limit of 32,766 parameters."""

EVENT_COLUMNS: Final = (
    "entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags, checksum"
)
SNAPSHOT_COLUMNS: Final = "entity_id, sequence_nr, manifest, version, payload, timestamp, checksum"

# Events with tags are inserted into the view. A trigger on the table itself would make all others slower by a tenth.
# Whoever deletes events, be it by hand, leaves a mark, so that their numbers are not given again.
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
CREATE TABLE IF NOT EXISTS tags (
    tag         TEXT    NOT NULL,
    ordering    INTEGER NOT NULL,
    PRIMARY KEY (tag, ordering)
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS tagged_events AS SELECT {EVENT_COLUMNS} FROM events;
CREATE TRIGGER IF NOT EXISTS insert_tagged INSTEAD OF INSERT ON tagged_events BEGIN
    INSERT INTO events ({EVENT_COLUMNS}) VALUES (NEW.{EVENT_COLUMNS.replace(", ", ", NEW.")});
    INSERT INTO tags SELECT DISTINCT value, last_insert_rowid() FROM json_each(NEW.tags);
END;
CREATE TABLE IF NOT EXISTS deletions (
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
PRAGMA user_version = {VERSION};
COMMIT;
"""
