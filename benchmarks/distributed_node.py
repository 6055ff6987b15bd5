"""One of the other processes of `distributed.py`: a node that hosts structures."""

import asyncio
import logging
import sys
from typing import Final

from casty import ReplicationConfig
from casty.cluster import ClusteredActorSystem

NAME: Final = "distributed"


COPIES: Final = ReplicationConfig(replicas=2, min_acks=1)


async def main(journal: str, seed: int, replication: ReplicationConfig | None) -> None:
    """Until standard input ends. An empty journal means none."""
    logging.disable(logging.WARNING)
    async with ClusteredActorSystem(
        name=NAME, host="127.0.0.1", port=0, seed_nodes=[("127.0.0.1", seed)], required_quorum=2
    ) as system:
        system.distributed(journal or None, replication)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), COPIES if sys.argv[3] else None))
