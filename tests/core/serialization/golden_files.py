"""The files in `golden/`: bytes that some release has stored, and how to write a new one.

`python -m tests.core.serialization.golden_files NAME` writes `golden/NAME.json` from the entry `NAME` of `HISTORY`.
It never overwrites: a file is what some release has stored, and stays as long as there are journals.
"""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

from casty.serialization import MsgpackSerializer
from casty.spi.serializer import Encoded

from tests.core.serialization import release_1, release_2
from tests.core.serialization.samples import AN_ORDER, Box, Cents, Color, Item, Level, Point, Rights, a_ref

FOLDER: Final = Path(__file__).parent / "golden"

WIRE_TYPES: Final[dict[str, object]] = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, -1, 127, -33, 2**63, 2**64 - 1, -(2**63)],
    "big ints": [2**64, -(2**63) - 1, 2**100, -(2**100)],
    "floats": [0.5, float("inf")],
    "text": ["", "ü", "x" * 40],
    "bytes": [b"", b"\x00\xff"],
    "containers": [[], (), set[int](), frozenset[int](), {}, [1], (1,), {1}, frozenset({1})],
    "dict of text": {"a": 1, b"b": 2},
    "dict of anything": {1: "one", (2, 3): [4], None: None},
    "decimals": [Decimal("1.10"), Decimal("-Infinity")],
    "moments": [
        datetime(2024, 2, 29, 23, 59, 59, 999999),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        datetime(2024, 10, 27, 2, 30, fold=1),
    ],
    "dates and times": [date(2024, 2, 29), time(12, 30), time(1, 2, 3, 4, tzinfo=UTC), timedelta(-1, 2, 3)],
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "ref": a_ref(),
    "enums": [Color.RED, Level.HIGH, Rights.READ | Rights.WRITE],
    "named tuple": Point(1, 2),
    "dataclass": Item("pen", Cents(120), frozenset({"blue"})),
    "generic dataclass": Box({"deep": Box(1)}),
    "order": AN_ORDER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The writer of a file and its contents: as written, and as today's program reads them."""

    writer: MsgpackSerializer
    written: dict[str, object]
    reader: MsgpackSerializer
    read: dict[str, object]


HISTORY: Final = {
    "msgpack-1": Release(writer=MsgpackSerializer(), written=WIRE_TYPES, reader=MsgpackSerializer(), read=WIRE_TYPES),
    "release-1": Release(
        writer=release_1.SERIALIZER,
        written=release_1.VALUES,
        reader=release_2.SERIALIZER,
        read=release_2.FROM_RELEASE_1,
    ),
    "release-2": Release(
        writer=release_2.SERIALIZER, written=release_2.VALUES, reader=release_2.SERIALIZER, read=release_2.VALUES
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One value, stored in both ways."""

    encoded: Encoded
    dumped: bytes


def stored(name: str) -> dict[str, Entry]:
    """The entries of a file."""
    entries: dict[str, dict[str, str]] = json.loads((FOLDER / f"{name}.json").read_text("ascii"))
    return {
        label: Entry(
            Encoded(entry["manifest"], int(entry["version"]), bytes.fromhex(entry["payload"])),
            bytes.fromhex(entry["dumps"]),
        )
        for label, entry in entries.items()
    }


def write(name: str, folder: Path = FOLDER) -> Path:
    """Store what the release writes. Raises FileExistsError for a file that is there."""
    release, path = HISTORY[name], folder / f"{name}.json"
    entries: dict[str, object] = {}
    for label, value in release.written.items():
        manifest, version, payload = release.writer.encode(value)
        dumped = release.writer.dumps(value).hex()
        entries[label] = {"manifest": manifest, "version": version, "payload": payload.hex(), "dumps": dumped}
    with path.open("x", encoding="ascii") as file:
        json.dump(entries, file, indent=1)
        file.write("\n")
    return path


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print("written:", write(argument))
