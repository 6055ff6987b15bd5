"""One node of a cluster with callers of distributed structures, as a process; see `tests.chaos.cluster.node`.

python -m tests.chaos.coordination.node SETTINGS
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from casty import ArgumentError, ReplicationConfig
from casty.cluster import ClusteredActorSystem

from tests.callers import Caller
from tests.chaos.cluster.node import LOG_FORMAT, Node, main
from tests.chaos.coordination.notes import FileNotes

COPIES: Final = ReplicationConfig(replicas=2, min_acks=1)
TTL: Final = 2.0
"""Seconds: shorter than some pauses of a node."""


class StructureNode(Node):
    """The commands of the process."""

    def __init__(self, system: ClusteredActorSystem, name: str, journal: str) -> None:
        """`journal`: the URL of one that all nodes share; with `{node}` in it, of one for each, which has copies."""
        super().__init__(system)
        self._name = f"{name}-{os.getpid()}"
        self._distributed = system.distributed(journal.format(node=name), COPIES if "{node}" in journal else None)
        self._random = Random()

    async def use(self, kinds: Sequence[str], callers: int, pace: float, folder: str) -> None:
        """From now on, have so many callers use the structure of each kind, and note what they see."""
        for kind in kinds:
            notes = FileNotes(notes_file(Path(folder), kind).open("w"))
            for number in range(callers):
                self._start(self._using(kind, f"{self._name}-{number}", pace, notes))

    async def _using(self, kind: str, name: str, pace: float, notes: FileNotes) -> None:
        async def goes_on() -> bool:
            await asyncio.sleep(self._random.expovariate(1 / pace))
            return True

        try:
            await Caller(name, kind, self._distributed, self._random, notes, goes_on, ttl=TTL).run()
        except ArgumentError as error:
            notes.refused(str(error))


def notes_file(folder: Path, kind: str) -> Path:
    """The file of this process."""
    return folder / f"{kind}-{os.getpid()}.jsonl"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    settings = json.loads(sys.argv[1])
    journal = settings.pop("journal")
    asyncio.run(main(settings, lambda system: StructureNode(system, settings["node_id"], journal)))
