"""A program whose node waits for a quorum that never comes, or hangs when it is to end. `test_signals.py` runs it."""

import asyncio
import logging
import sys

from casty.cluster import ClusteredActorSystem

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)


async def main(how: str) -> None:
    quorum = 3 if how == "waits for a quorum" else None
    seeds = [("127.0.0.1", 1)] if how == "seeks" else []
    arguments = {"name": "signals", "port": 0, "required_quorum": quorum, "seed_nodes": seeds}
    async with ClusteredActorSystem(**arguments):  # pyright: ignore[reportArgumentType] (each is of its own type)
        print("inside", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            if how == "hangs":
                print("hanging", flush=True)
                await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
