"""Events outlive the program that stored them: upcasters convert events of older releases to today's types."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from casty import DecodeError, event, upcast
from casty.serialization import MsgpackSerializer


@event("lib.Kind", version=2)
class Kind(Enum):
    """Version 1 called its members A and B."""

    BOOK = "a book"
    RECORD = "a record"


@upcast("lib.Kind", 1)
def spell_out(member: str) -> str:
    return {"A": "BOOK", "B": "RECORD"}[member]


@event("lib.Returned", version=3)
@dataclass(frozen=True, slots=True)
class Returned:
    """Version 1 had a fine in cents, version 2 in euros; version 3 added the reader."""

    title: str
    kind: Kind
    fine: Decimal
    by: str
    damaged: bool = False  # a field with a default needs no new version


@upcast("lib.Returned", 1)
def cents_to_euros(fields: dict[str, Any]) -> dict[str, Any]:
    return {"title": fields["title"], "kind": fields["kind"], "fine": Decimal(fields["cents"]) / 100}


@upcast("lib.Returned", 2)
def add_reader(fields: dict[str, object]) -> dict[str, object]:
    return {**fields, "by": "unknown"}


@upcast("lib.BroughtBack", 1, to=("lib.Returned", 1))  # the event's first name
def rename(fields: dict[str, object]) -> dict[str, object]:
    return fields


# Bytes stored by older releases, kept forever. Each was printed while its version was current:
#     manifest, version, payload = MsgpackSerializer().encode(event)
STORED = [
    ("lib.BroughtBack", 1, "83a57469746c65a4456d6d61a46b696e6494d4006ea86c69622e4b696e6401a141a563656e747332"),
    ("lib.Returned", 1, "83a57469746c65a441696461a46b696e6494d4006ea86c69622e4b696e6401a142a563656e747300"),
    (
        "lib.Returned",
        2,
        "83a57469746c65a44d6f6d6fa46b696e6494d4006ea86c69622e4b696e6402a4424f4f4ba466696e65d602312e3230",
    ),
    (
        "lib.Returned",
        3,
        "84a57469746c65a5496c696173a46b696e6494d4006ea86c69622e4b696e6402a4424f4f4ba466696e65d40230a26279a3416461",
    ),
    (
        "lib.Returned",
        4,
        "84a57469746c65a54661757374a46b696e6494d4006ea86c69622e4b696e6402a4424f4f4ba466696e65d40230a26279a3457665",
    ),
]


if __name__ == "__main__":
    serializer = MsgpackSerializer()
    for manifest, version, payload in STORED:
        try:
            returned = serializer.decode(manifest, version, bytes.fromhex(payload))
        except DecodeError as error:
            print(error)
        else:
            assert isinstance(returned, Returned)
            print(f"{returned.title}, {returned.kind.value}, fine {returned.fine}, by {returned.by}")
