"""Finding the newest snapshot that can still be read: a snapshot is a shortcut, so a damaged one only costs
time.
"""

import logging

from casty.errors import SerializationError
from casty.persistence.serializers import Serializers
from casty.spi.event_journal import Snapshot
from casty.spi.journal import JournalStore

_log = logging.getLogger(__name__)


async def newest_snapshot(
    store: JournalStore, serializers: Serializers, entity_id: str, to_sequence_nr: int
) -> Snapshot[object] | None:
    """The newest snapshot at most at `to_sequence_nr` whose state this process can decode, or None.

    One that cannot be decoded, for example because a newer version of the program wrote it, is passed over
    with a warning.
    """
    while (record := await store.load_snapshot(entity_id, to_sequence_nr)) is not None:
        try:
            state = serializers.state(record)
        except SerializationError as error:
            _log.warning(
                "the snapshot of %r at event %d cannot be read, so an older one or all events are: %s",
                entity_id,
                record.sequence_nr,
                error,
            )
            to_sequence_nr = record.sequence_nr - 1
        else:
            return Snapshot(record.sequence_nr, state, record.timestamp)
    return None
