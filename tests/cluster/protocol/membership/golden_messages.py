"""One of each membership message, and its bytes as some release has sent them.

`python -m tests.cluster.protocol.membership.golden_messages` writes `golden_messages.json`; it overwrites nothing.
"""

import json
from pathlib import Path
from typing import Final

from casty.serialization import MsgpackSerializer
from casty_cluster.wire.membership import (
    Answer,
    Digest,
    Dissolve,
    GivenUp,
    Goodbye,
    Gossip,
    Join,
    Message,
    Presence,
    Probe,
    Refusal,
)

FILE: Final = Path(__file__).with_name("golden_messages.json")
SERIALIZER: Final = MsgpackSerializer(strict=True)

_PRESENCE: Final = Presence(system="bank", cluster=2**64 - 1, size=3, circle=(("10.0.0.1", 25520), ("::1", 25521)))

MESSAGES: Final[dict[str, Message]] = {
    "probe": Probe(_PRESENCE),
    "probe of one that was given up": Probe(_PRESENCE._replace(awaited=(("10.0.0.2", 25520),))),
    "answer": Answer(7, _PRESENCE),
    "join": Join(7, "bank", "teller-1", ("teller", "night"), {"shards of accounts": "100"}),
    "refusal": Refusal(7, "the cluster is full", final=False),
    "gossip": Gossip(
        to=7,
        cluster=1,
        nodes=(("10.0.0.1", 25520, 1), ("10.0.0.2", 25520, 2**63), ("10.0.0.3", 25520, 3)),
        members=(("", ("teller",), "up", 1), ("teller-2", (), "leaving", 2)),
        clock=(3, 1, 0),
        seen=b"\x03",
        rows=((0, 2, b"\x02"),),
        ages=(12.5,),
    ),
    "digest": Digest(7, 1, 2**64 - 1, b"\x03"),
    "given up": GivenUp(7, 1, size=3, lowest=2),
    "goodbye": Goodbye(1),
    "dissolve": Dissolve(1, ("10.0.0.2", 25520)),
}


def stored() -> dict[str, bytes]:
    texts: dict[str, str] = json.loads(FILE.read_text("ascii"))
    return {name: bytes.fromhex(text) for name, text in texts.items()}


if __name__ == "__main__":
    with FILE.open("x", encoding="ascii") as file:
        json.dump({name: SERIALIZER.dumps(message).hex() for name, message in MESSAGES.items()}, file, indent=1)
        file.write("\n")
