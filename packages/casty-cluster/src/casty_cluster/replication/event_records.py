"""An entity's event as bytes of its history: what copies store and send, and never look into."""

from collections.abc import Sequence
from typing import Any, cast

from casty.errors import DecodeError
from casty.extension import Serializers
from casty.spi.event_journal import PersistedEvent
from casty.spi.journal import EventRecord

from casty_cluster.wire.copies import SERIALIZER


def to_payload(serializers: Serializers, event: Any, timestamp: float, tags: Sequence[str]) -> bytes:
    """Raises `EncodeError` for an event that the serializer cannot write."""
    manifest, version, payload = serializers.events.encode(event)
    return SERIALIZER.dumps([manifest, version, payload, timestamp, list(tags), serializers.events.name])


def to_event(serializers: Serializers, entity: str, number: int, payload: bytes) -> PersistedEvent[Any]:
    """Raises `DecodeError` for an event that cannot be read any more."""
    try:
        match cast("list[Any]", SERIALIZER.loads(payload)):
            case [str(manifest), int(version), bytes(body), float(timestamp), tags, str(serializer), *_]:
                labels = tuple(tags)
                record = EventRecord(entity, number, 0, "", b"", manifest, version, body, timestamp, labels, serializer)
                return PersistedEvent(number, serializers.event(record), timestamp)
            case other:
                raise DecodeError(f"it is not what copies store: {other!r:.100}")
    except DecodeError as error:
        error.add_note(f"This is event {number} of the entity {entity!r}.")
        raise
