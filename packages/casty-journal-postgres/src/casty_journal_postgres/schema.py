"""The tables of a journal, and the migrations that create them.

Version n of the schema is the result of the first n `MIGRATIONS`. A released migration is never changed.
"""

from typing import Any, Final

from casty.errors import JournalSchemaError, JournalSetupError

from casty_journal_postgres.options import PostgresOptions

EVENT_COLUMNS: Final = (
    "entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags, checksum, serializer"
)
SNAPSHOT_COLUMNS: Final = "entity_id, sequence_nr, manifest, version, payload, timestamp, checksum, serializer"

LOCK_CLASS: Final = 0x43415354
"""The letters CAST: the first key of all our advisory locks. The second key is 0 for migrations, else the id of
the table `events`.
"""

# Ids are in the collation C, so that they are ordered by their UTF-8 bytes on every server.
MIGRATIONS: Final = (
    """
    CREATE SEQUENCE {schema}.ordering;
    CREATE TABLE {schema}.events (
        ordering    bigint PRIMARY KEY,
        entity_id   text COLLATE "C" NOT NULL,
        sequence_nr bigint NOT NULL,
        epoch       bigint NOT NULL,
        writer      text NOT NULL,
        event_id    bytea NOT NULL,
        manifest    text NOT NULL,
        version     integer NOT NULL,
        payload     bytea NOT NULL,
        timestamp   double precision NOT NULL,
        tags        text[],
        checksum    bigint NOT NULL,
        UNIQUE (entity_id, sequence_nr)
    );
    ALTER SEQUENCE {schema}.ordering OWNED BY {schema}.events.ordering;
    CREATE INDEX ON {schema}.events USING gin (tags) WHERE tags IS NOT NULL;
    CREATE TABLE {schema}.snapshots (
        entity_id   text COLLATE "C" NOT NULL,
        sequence_nr bigint NOT NULL,
        manifest    text NOT NULL,
        version     integer NOT NULL,
        payload     bytea NOT NULL,
        timestamp   double precision NOT NULL,
        checksum    bigint NOT NULL,
        PRIMARY KEY (entity_id, sequence_nr)
    );
    CREATE TABLE {schema}.fences (
        key   text COLLATE "C" PRIMARY KEY,
        owner text COLLATE "C" NOT NULL,
        epoch bigint NOT NULL
    );
    CREATE INDEX ON {schema}.fences (owner, epoch);
    -- Waits for all appends that have taken their numbers. VOLATILE, the default: the second statement sees what was
    -- committed while the first one waited. It is one call, so that no slow client can keep writers waiting.
    CREATE FUNCTION {schema}.settled() RETURNS bigint LANGUAGE sql AS $$
        SELECT pg_advisory_xact_lock({lock_class}, '{schema}.events'::regclass::oid::integer);
        SELECT coalesce(max(ordering), 0) FROM {schema}.events;
    $$;
    """,
    """
    CREATE TABLE {schema}.deletions (
        entity_id   text COLLATE "C" PRIMARY KEY,
        sequence_nr bigint NOT NULL
    );
    -- Answers its first argument, unless one of the events has the number of a deleted one. VOLATILE, the default: it
    -- sees also what was deleted since the statement that calls it began, as the uniqueness of the numbers does.
    CREATE FUNCTION {schema}.unless_deleted(stored bigint, entity_ids text[], sequence_nrs bigint[])
    RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM unnest(entity_ids, sequence_nrs) AS event (entity_id, sequence_nr)
            JOIN {schema}.deletions AS deleted USING (entity_id) WHERE event.sequence_nr <= deleted.sequence_nr
        ) THEN
            RAISE unique_violation USING MESSAGE = 'the number of a deleted event';
        END IF;
        RETURN stored;
    END
    $$;
    """,
    # NULL is the default serializer's name. A new column without a default rewrites no rows.
    """
    ALTER TABLE {schema}.events ADD COLUMN serializer text;
    ALTER TABLE {schema}.snapshots ADD COLUMN serializer text;
    """,
)


def quoted(name: str) -> str:
    """The name as an identifier in a statement."""
    return '"' + name.replace('"', '""') + '"'


def adapted(script: str, schema: str) -> str:
    """The script for the journal in `schema`."""
    return script.replace("{lock_class}", str(LOCK_CLASS)).replace("{schema}", quoted(schema))


async def prepare(connection: Any, name: str, options: PostgresOptions) -> None:
    """Create the tables in the schema, or migrate them; concurrent callers wait. If read-only, they must exist and be
    up to date.

    Raises `JournalSchemaError` for a journal that is newer than this version of Casty, and for other tables.
    """
    schema, latest = options.schema, len(MIGRATIONS)
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise JournalSetupError(
            f"the database {name} has the encoding {encoding}, and a journal needs UTF8, so that every text can be "
            "stored; create another one with: createdb --encoding=UTF8 --template=template0 NAME"
        )
    version = await _version(connection, schema)
    if version == latest:
        return
    if version is None and options.read_only:
        raise JournalSetupError(
            f"there is no journal in the schema {schema!r} of {name} to read; name another one, or open it without "
            "read_only"
        )
    if version is not None and version < latest and options.read_only:
        raise JournalSchemaError(
            f"the journal in the schema {schema!r} of {name} has version {version}, and must have {latest} to be read; "
            "open it once without read_only, which brings it up to date"
        )
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", LOCK_CLASS)
        version = await _version(connection, schema)
        if version is None:
            version = await _create(connection, name, schema)
        if version > latest:
            raise JournalSchemaError(
                f"the journal in the schema {schema!r} of {name} has version {version}; this casty-journal-postgres "
                f"knows only {latest}; install a newer one: pip install -U casty-journal-postgres"
            )
        for migration in MIGRATIONS[version:]:
            await connection.execute(adapted(migration, schema))
        await connection.execute(f"UPDATE {quoted(schema)}.casty_journal SET version = $1", latest)


async def _version(connection: Any, schema: str) -> int | None:
    """The version of the journal in `schema`, None if there is none."""
    if not await exists(connection, schema, "casty_journal"):
        return None
    return await connection.fetchval(f"SELECT version FROM {quoted(schema)}.casty_journal")


async def exists(connection: Any, schema: str, table: str) -> bool:
    # Not by to_regclass, which reads a cache that waiting for an advisory lock does not refresh.
    return await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2)", schema, table
    )


async def _create(connection: Any, name: str, schema: str) -> int:
    """Create a journal of version 0, which has no tables yet."""
    if await exists(connection, schema, "events"):
        raise JournalSchemaError(
            f"the schema {schema!r} of {name} holds a table `events` that is not a Casty journal's; name another "
            "schema in the option `schema`"
        )
    await ensure_schema(connection, schema)
    await connection.execute(
        f"CREATE TABLE {quoted(schema)}.casty_journal (version integer NOT NULL);"
        f"INSERT INTO {quoted(schema)}.casty_journal VALUES (0)"
    )
    return 0


async def ensure_schema(connection: Any, schema: str) -> None:
    """Create it unless it exists: a role that may not create schemas may own an empty one."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", schema):
        await connection.execute(f"CREATE SCHEMA {quoted(schema)}")
