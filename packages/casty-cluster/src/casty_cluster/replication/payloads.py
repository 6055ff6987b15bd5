"""An entity's event or state as bytes of its history: what copies store and send, and never look into."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from casty.errors import DecodeError
from casty.extension import Serializers
from casty.spi.event_journal import PersistedEvent, Snapshot
from casty.spi.journal import EventRecord, SnapshotRecord
from casty.spi.serializer import Serializer

from casty_cluster.wire.copies import SERIALIZER


class _Payload(NamedTuple):
    manifest: str
    version: int
    body: bytes
    timestamp: float
    tags: tuple[str, ...]
    serializer: str
    """The name of the one that has written the body, and reads it."""


def to_payload(serializer: Serializer, value: Any, timestamp: float, tags: Sequence[str] = ()) -> bytes:
    """Raises `EncodeError` for an event or a state that the serializer cannot write."""
    manifest, version, body = serializer.encode(value)
    return SERIALIZER.dumps([manifest, version, body, timestamp, list(tags), serializer.name])


def to_event(serializers: Serializers, entity: str, number: int, payload: bytes) -> PersistedEvent[Any]:
    """Raises `DecodeError` for an event that cannot be read any more."""
    try:
        found = _read(payload)
        record = EventRecord(
            entity,
            number,
            0,
            "",
            b"",
            found.manifest,
            found.version,
            found.body,
            found.timestamp,
            found.tags,
            found.serializer,
        )
        return PersistedEvent(number, serializers.event(record), found.timestamp)
    except DecodeError as error:
        error.add_note(f"This is event {number} of the entity {entity!r}.")
        raise


def to_snapshot(serializers: Serializers, entity: str, number: int, payload: bytes) -> Snapshot[Any]:
    """Raises `DecodeError` for a state that cannot be read any more."""
    found = _read(payload)
    record = SnapshotRecord(
        entity, number, found.manifest, found.version, found.body, found.timestamp, found.serializer
    )
    return Snapshot(number, serializers.state(record), found.timestamp)


def _read(payload: bytes) -> _Payload:
    match cast("list[Any]", SERIALIZER.loads(payload)):
        case [str(manifest), int(version), bytes(body), float(timestamp), tags, str(serializer), *_]:
            return _Payload(manifest, version, body, timestamp, tuple(tags), serializer)
        case other:
            raise DecodeError(f"it is not what copies store: {other!r:.100}")
