"""The lines of an export, one checksum and JSON object each, and a reader that finds how far a file is intact.

    9a3f2c10 {"casty-journal-export": 1, "journal": "sqlite:///events.db"}
    04d7e1b2 {"event": {"offset": 1, "entity_id": "account-7", "sequence_nr": 1, …, "payload": "gaZhbW91bnQD"}}
    77c0518e {"snapshot": {"entity_id": "account-7", "sequence_nr": 1, …}}
    e2b94a06 {"end": {"events": 1, "snapshots": 1}}

A checksum is the CRC-32 of the bytes of all objects up to this one, so it reveals a line that is changed, missing,
duplicated or moved. Without its last line an export is incomplete. Bytes are in Base64, an event's id in
hexadecimal digits, tags in a list; the other fields are those of `EventRecord` and `SnapshotRecord`. The name of the
default serializer is omitted.
"""

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final
from zlib import crc32

from casty.errors import JournalError
from casty.spi.journal import DEFAULT_SERIALIZER, EventRecord, OrderedEvent, SnapshotRecord

VERSION: Final = 1

_BEGIN: Final = "casty-journal-export"
_BODY: Final = len("00000000 ")
"""Position of a line's object."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first line."""

    journal: str
    """The exported journal, for information."""


@dataclass(frozen=True, slots=True)
class End:
    """The last line: the counts of both kinds."""

    events: int
    snapshots: int


type Line = Begin | OrderedEvent | SnapshotRecord | End


def encode(line: Line) -> bytes:
    """The object of a line."""
    return json.dumps(_document(line)).encode("ascii")


def decode(body: bytes) -> Line:
    """Parse the object of a line. Raises `JournalError` for one that this version does not know."""
    try:
        document = json.loads(body)
        match next(iter(document)):
            case "event":
                return _event(**document["event"])
            case "snapshot":
                return _snapshot(**document["snapshot"])
            case "end":
                return End(**document["end"])
            case kind:
                if kind == _BEGIN and document[kind] == VERSION:
                    return Begin(document["journal"])
    except (ValueError, TypeError, KeyError, StopIteration):
        pass  # an unknown object
    raise JournalError(
        f"a line of it begins with {body[:40].decode(errors='replace')!r}, which no export of version {VERSION} does; "
        "if a newer Casty wrote it, use that one: pip install -U casty-cli"
    )


def sealed(lines: Iterable[Line], seal: int) -> tuple[bytes, int]:
    """The lines to write after one with the checksum `seal`, and the checksum of the last of them."""
    parts: list[bytes] = []
    for line in lines:
        body = encode(line)
        seal = crc32(body, seal)
        parts.append(_line(body, seal))
    return b"".join(parts), seal


class Walk:
    """Reads a file up to its first damaged line."""

    def __init__(self) -> None:
        self.lines = 0
        self.size = 0
        """Bytes of the intact lines."""
        self.seal = 0
        """Checksum of the last intact line."""

    def bodies(self, file: BinaryIO) -> Iterator[bytes]:
        """The objects of the intact lines."""
        for line in file:
            body = line[_BODY:-1]
            seal = crc32(body, self.seal)
            if line != _line(body, seal):
                return
            self.lines += 1
            self.size += len(line)
            self.seal = seal
            yield body


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a file is an intact export."""

    walk: Walk
    events: int
    snapshots: int
    begin: Begin | None
    last_event: OrderedEvent | None
    last_snapshot: SnapshotRecord | None
    end: End | None


def survey(file: BinaryIO) -> Extent:
    """Read a file to its end, or to its first damaged line. Raises `JournalError` for an intact line of an unknown
    kind.
    """
    walk = Walk()
    counts = Counter[bytes]()
    last: dict[bytes, bytes] = {}
    for body in walk.bodies(file):
        kind = body[: body.find(b":")]
        counts[kind] += 1
        last[kind] = body
    lines: dict[type[Line], Any] = {type(line): line for line in map(decode, last.values())}
    return Extent(
        walk=walk,
        events=counts[b'{"event"'],
        snapshots=counts[b'{"snapshot"'],
        begin=lines.get(Begin),
        last_event=lines.get(OrderedEvent),
        last_snapshot=lines.get(SnapshotRecord),
        end=lines.get(End),
    )


def _line(body: bytes, seal: int) -> bytes:
    return b"%08x %b\n" % (seal, body)


def _document(line: Line) -> dict[str, object]:
    match line:
        case OrderedEvent(offset, record):
            return {"event": {"offset": offset} | _fields(record) | {"event_id": record.event_id.hex()}}
        case SnapshotRecord():
            return {"snapshot": _fields(line)}
        case End():
            return {"end": asdict(line)}
        case Begin(journal):
            return {_BEGIN: VERSION, "journal": journal}


def _fields(record: EventRecord | SnapshotRecord) -> dict[str, object]:
    fields: dict[str, object] = {**record._asdict(), "payload": b64encode(record.payload).decode("ascii")}
    if record.serializer == DEFAULT_SERIALIZER:  # as in exports of older versions, whose records had none
        del fields["serializer"]
    return fields


def _event(*, offset: int, event_id: str, payload: str, tags: list[str], **fields: Any) -> OrderedEvent:
    return OrderedEvent(
        offset, EventRecord(event_id=bytes.fromhex(event_id), payload=b64decode(payload), tags=tuple(tags), **fields)
    )


def _snapshot(*, payload: str, **fields: Any) -> SnapshotRecord:
    return SnapshotRecord(payload=b64decode(payload), **fields)
