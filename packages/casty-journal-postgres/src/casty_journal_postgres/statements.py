"""The statements of a journal. Each is one transaction: none stays open while a client is busy."""

from typing import Final, final

from casty_journal_postgres.schema import EVENT_COLUMNS, SNAPSHOT_COLUMNS, adapted

APPEND: Final = f"""
WITH gate AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared({{lock_class}}, '{{schema}}.events'::regclass::oid::integer)
), held AS MATERIALIZED (
    SELECT owner, epoch FROM gate, {{schema}}.fences
    WHERE (owner, epoch) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))
    ORDER BY key FOR SHARE OF fences
), numbered AS (
    SELECT nextval('{{schema}}.ordering') AS place, event.* FROM gate, unnest($1::{{schema}}.events[]) AS event
    WHERE (SELECT count(DISTINCT (owner, epoch)) FROM held) = cardinality($2)
), stored AS (
    INSERT INTO {{schema}}.events (ordering, {EVENT_COLUMNS})
    SELECT place, {EVENT_COLUMNS} FROM numbered ORDER BY entity_id COLLATE "C", sequence_nr
    RETURNING entity_id, sequence_nr
)
SELECT {{schema}}.unless_deleted(count(*), array_agg(entity_id), array_agg(sequence_nr)) FROM stored
"""
"""Stores all events of a batch, or none if a writer does not hold its epoch; returns their count. The number of a
stored or deleted event violates the uniqueness.

- The events are one array of rows of their table, without their place in the order: one array per column takes the
  driver and the server a sixth longer.
- The gate comes first, because a reader that waits for appends must not meet one that waits for the reader.
- Fences are looked up and locked once per batch, however many entities write under them. They are locked in the order
  of their keys, so that two appends under the same fences, and the claims that wait for them, cannot deadlock.
- Rows are numbered in the order of the batch, but stored in the order of their ids, so that two writers of the same
  rows cannot deadlock.
"""

HELD: Final = """
SELECT owner, epoch FROM {schema}.fences WHERE (owner, epoch) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
"""

HIGHEST: Final = """
SELECT id, greatest(
    (SELECT max(sequence_nr) FROM {schema}.events WHERE entity_id = id),
    (SELECT sequence_nr FROM {schema}.deletions WHERE entity_id = id)
) FROM unnest($1::text[]) AS id
"""

DELETE: Final = """
WITH deleted AS (
    DELETE FROM {schema}.events WHERE entity_id = $1 AND sequence_nr <= $2 RETURNING entity_id, sequence_nr
)
INSERT INTO {schema}.deletions AS known SELECT entity_id, max(sequence_nr) FROM deleted GROUP BY entity_id
ON CONFLICT (entity_id) DO UPDATE SET sequence_nr = greatest(known.sequence_nr, excluded.sequence_nr)
"""
"""Deletes events and leaves a mark, so that their numbers are not reused."""

EVENT_IDS: Final = """
SELECT entity_id, sequence_nr, event_id
FROM unnest($1::text[], $2::bigint[]) AS wanted (entity_id, sequence_nr)
JOIN {schema}.events USING (entity_id, sequence_nr)
"""

REPLAY: Final = f"""
SELECT {EVENT_COLUMNS} FROM {{schema}}.events
WHERE entity_id = $1 AND sequence_nr BETWEEN $2 AND $3 ORDER BY sequence_nr LIMIT $4
"""

_CLAIM: Final = """
WITH start AS MATERIALIZED (
    SELECT {start}
), repeated AS (
    SELECT epoch FROM {{schema}}.fences WHERE key = $1 AND owner = $2 AND epoch = $3
), claimed AS (
    INSERT INTO {{schema}}.fences AS fence SELECT $1, $2, coalesce($3::bigint, 1) FROM start
    WHERE coalesce($3, 1) > 0 AND NOT EXISTS (SELECT FROM repeated)
    ON CONFLICT (key) DO UPDATE SET owner = $2, epoch = coalesce($3, fence.epoch + 1)
    WHERE $3 IS NULL OR fence.epoch < $3 OR (fence.epoch = $3 AND fence.owner = $2)
    RETURNING epoch
)
SELECT epoch FROM repeated UNION ALL SELECT epoch FROM claimed
"""

CLAIM: Final = _CLAIM.format(start="set_config('lock_timeout', '100ms', true)")
"""Returns the epoch, or no row for one that is too low. A repeated claim, one per entity of a shard, only reads: it
waits for no append, and no append waits for it.
"""

CLAIM_AT_THE_GATE: Final = _CLAIM.format(
    start="pg_advisory_xact_lock({lock_class}, '{schema}.events'::regclass::oid::integer)"
)
"""For a fence with constant appends: PostgreSQL lets each new append share the row ahead of a waiting claim. At the
gate all appends queue behind the claim, including those of other fences, which an ordinary claim spares.
"""

FENCE: Final = "SELECT owner, epoch FROM {schema}.fences WHERE key = $1"

SETTLED: Final = """
SELECT CASE WHEN EXISTS (SELECT FROM {schema}.events WHERE ordering > $1) THEN {schema}.settled() END
"""
"""Returns the offset up to which no more events appear, or NULL, without waiting, if there is nothing new."""

READ: Final = f"""
SELECT {EVENT_COLUMNS}, ordering FROM {{schema}}.events
WHERE ordering > $1 AND ordering <= $2 ORDER BY ordering LIMIT $3
"""

READ_TAGGED: Final = f"""
SELECT {EVENT_COLUMNS}, ordering FROM {{schema}}.events
WHERE ordering > $1 AND ordering <= $2 AND tags && $4::text[] ORDER BY ordering LIMIT $3
"""

HIGHEST_OFFSET: Final = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {schema}.ordering"

ENTITY_IDS: Final = """
WITH RECURSIVE found (id, place) AS (
    (SELECT entity_id, 1 FROM {schema}.events WHERE entity_id > $1 ORDER BY entity_id LIMIT 1)
    UNION ALL
    SELECT (SELECT entity_id FROM {schema}.events WHERE entity_id > id ORDER BY entity_id LIMIT 1), place + 1
    FROM found WHERE id IS NOT NULL AND place < $2
)
SELECT id FROM found WHERE id IS NOT NULL LIMIT $2
"""
"""Jumps from each id to the next in the index; a plain DISTINCT would read all events."""

LOAD_SNAPSHOT: Final = f"""
SELECT {SNAPSHOT_COLUMNS} FROM {{schema}}.snapshots
WHERE entity_id = $1 AND sequence_nr <= $2 ORDER BY sequence_nr DESC LIMIT 1
"""

SAVE_SNAPSHOT: Final = f"""
WITH newest AS MATERIALIZED (
    SELECT sequence_nr FROM (
        SELECT sequence_nr FROM {{schema}}.snapshots WHERE entity_id = $1 UNION SELECT $2
    ) AS candidates ORDER BY sequence_nr DESC LIMIT $9
), saved AS (
    INSERT INTO {{schema}}.snapshots ({SNAPSHOT_COLUMNS})
    SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE $2 IN (SELECT sequence_nr FROM newest)
    ON CONFLICT (entity_id, sequence_nr) DO UPDATE SET manifest = excluded.manifest, version = excluded.version,
        payload = excluded.payload, timestamp = excluded.timestamp, checksum = excluded.checksum,
        serializer = excluded.serializer
)
DELETE FROM {{schema}}.snapshots WHERE entity_id = $1 AND sequence_nr NOT IN (SELECT sequence_nr FROM newest)
"""
"""Stores a snapshot unless enough newer ones exist, and deletes those that are no longer kept."""


@final
class Statements:
    """The statements for the journal in one PostgreSQL schema."""

    def __init__(self, schema: str) -> None:
        self.append = adapted(APPEND, schema)
        self.held = adapted(HELD, schema)
        self.highest = adapted(HIGHEST, schema)
        self.event_ids = adapted(EVENT_IDS, schema)
        self.delete = adapted(DELETE, schema)
        self.replay = adapted(REPLAY, schema)
        self.claim = adapted(CLAIM, schema)
        self.claim_at_the_gate = adapted(CLAIM_AT_THE_GATE, schema)
        self.fence = adapted(FENCE, schema)
        self.settled = adapted(SETTLED, schema)
        self.read = adapted(READ, schema)
        self.read_tagged = adapted(READ_TAGGED, schema)
        self.highest_offset = adapted(HIGHEST_OFFSET, schema)
        self.entity_ids = adapted(ENTITY_IDS, schema)
        self.load_snapshot = adapted(LOAD_SNAPSHOT, schema)
        self.save_snapshot = adapted(SAVE_SNAPSHOT, schema)
