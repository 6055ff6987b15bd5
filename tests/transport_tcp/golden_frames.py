"""One of each frame of the transport, and its bytes as some release has sent them.

`python -m tests.transport_tcp.golden_frames frames_2` writes `golden/frames_2.json` from today's frames, and never
overwrites a file: nodes of two releases meet in one cluster, so what was sent once is read for good.
"""

import json
import sys
from pathlib import Path
from typing import Final

from casty.member import NodeId
from casty.spi.transport import Lane, Versions
from casty_transport_tcp.framing import Kind, data_header, encoded
from casty_transport_tcp.handshake import Accepting, Dialing, Identity
from casty_transport_tcp.reasons import Ending, Reason, no_common_version

FOLDER: Final = Path(__file__).with_name("golden")

DIALER: Final = NodeId("10.0.0.1", 25520, 2**63)
ACCEPTOR: Final = NodeId("::1", 25521, 7)
CLIENT: Final = NodeId("reports", 0, 9)
COOKIE: Final = b"a cookie that all of them have !"


def dialing(node: NodeId = DIALER) -> Dialing:
    return Dialing(Identity("shop", node, (COOKIE,)), Lane.control, bytes(range(32)))


def accepting() -> Accepting:
    return Accepting(Identity("shop", ACCEPTOR, (COOKIE,), accepts_clients=True), bytes(range(32, 64)))


def today() -> dict[str, bytes]:
    """The frames as this version sends them."""
    client, server = dialing(), accepting()
    challenge = server.received(Kind.hello, client.hello).body
    proof = client.received(Kind.challenge, challenge).body
    welcome = server.received(Kind.proof, proof).body
    return {
        "hello": encoded(Kind.hello, client.hello),
        "hello of a client": encoded(Kind.hello, dialing(CLIENT).hello),
        "challenge": encoded(Kind.challenge, challenge),
        "proof": encoded(Kind.proof, proof),
        "welcome": encoded(Kind.welcome, welcome),
        "ping": encoded(Kind.ping),
        "data": data_header(3) + b"any",
        **{f"close: {reason.slug}": encoded(Kind.close, Ending(reason).body) for reason in Reason},
        "close with versions": encoded(Kind.close, no_common_version(Versions(1, 1), Versions(2, 3)).body),
    }


def stored() -> dict[str, dict[str, bytes]]:
    """The files, oldest first."""
    paths = sorted(FOLDER.glob("frames_*.json"), key=lambda path: int(path.stem.partition("_")[2]))
    return {path.stem: _read(path) for path in paths}


def _read(path: Path) -> dict[str, bytes]:
    texts: dict[str, str] = json.loads(path.read_text("ascii"))
    return {name: bytes.fromhex(text) for name, text in texts.items()}


if __name__ == "__main__":
    with (FOLDER / f"{sys.argv[1]}.json").open("x", encoding="ascii") as file:
        json.dump({name: data.hex() for name, data in today().items()}, file, indent=1)
        file.write("\n")
