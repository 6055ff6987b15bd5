"""The files in `golden/`: the bytes of messages and frames as some release has sent them.

`python -m tests.cluster.wire.golden_files messages_3` writes `golden/messages_3.json` from today's samples, and never
overwrites a file: nodes of two releases meet in one cluster, so what was sent once is read for good.
"""

import json
import sys
from pathlib import Path
from typing import Final

from casty_cluster.wire import codec

from tests.cluster.wire.samples import FRAMES, MESSAGES

FOLDER: Final = Path(__file__).with_name("golden")


def stored(series: str) -> dict[str, dict[str, bytes]]:
    """The files of `messages` or `frames`, oldest first, with the bytes of each sample."""
    paths = sorted(FOLDER.glob(f"{series}_*.json"), key=lambda path: int(path.stem.partition("_")[2]))
    return {path.stem: _read(path) for path in paths}


def today(series: str) -> dict[str, bytes]:
    """The bytes of all samples as this version writes them."""
    if series == "frames":
        return {name: sample.frame for name, sample in FRAMES.items()}
    return {name: codec.dumps(message) for name, message in MESSAGES.items()}


def _read(path: Path) -> dict[str, bytes]:
    texts: dict[str, str] = json.loads(path.read_text("ascii"))
    return {name: bytes.fromhex(text) for name, text in texts.items()}


if __name__ == "__main__":
    stem = sys.argv[1]
    with (FOLDER / f"{stem}.json").open("x", encoding="ascii") as file:
        json.dump({name: data.hex() for name, data in today(stem.partition("_")[0]).items()}, file, indent=1)
        file.write("\n")
