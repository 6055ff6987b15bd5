"""Distributed structures on one PostgreSQL, or in copies on the SQLite of each node, while their processes are killed
and paused: whether what callers see is linearizable.

python -m tests.chaos.coordination.faults --runs 20 --seconds 30
python -m tests.chaos.coordination.faults --kind lock --copied
"""

import argparse
import asyncio
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tests.callers import MODELS, check, returned
from tests.chaos.bank import SEED
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.process import NodeProcess
from tests.chaos.coordination.notes import read
from tests.journal_postgres.server import own_server

PROGRAM: Final = "tests.chaos.coordination.node"
CALLERS: Final = 2
"""Of each kind, on each node."""
PACE: Final = 0.1
"""Seconds, on average, between two operations of a caller."""
LEAST: Final = 1.0
"""Operations of each kind per second without which a run is void."""
BETWEEN: Final = (2.0, 5.0)
"""Seconds between two faults."""
DOWN: Final = (0.0, 3.0)
"""Seconds until a killed node is started again."""
PAUSED: Final = (0.5, 10.0)
"""Seconds for which a node is paused: up to more than leases last, and than it takes to down it."""
GRACE: Final = 30.0
"""Seconds for which a run goes on without faults where too little has happened."""
LOOK: Final = 0.5


class VoidError(Exception):
    """Too little has happened for the run to show anything."""


async def run(
    journal: str,
    folder: Path,
    kinds: Collection[str],
    seconds: float,
    random: Random,
    *,
    pace: float = PACE,
    least: float = LEAST,
) -> dict[str, float]:
    """Use structures for so long while nodes are killed and paused. Returns the operations per second of each kind.

    Raises `NotLinearizableError`, and `VoidError` where they are fewer than `least`.
    """
    async with Cluster.of(3, folder, network=DirectNetwork, program=PROGRAM, journal=journal) as cluster:
        end = time.monotonic() + seconds
        use = partial(_use, kinds=kinds, pace=pace, folder=folder)
        for node in cluster.running.values():
            await use(node)
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, random.uniform(*BETWEEN)))
            await _disturb(cluster, use, random)
        await _go_on(folder, kinds, seconds * least)
        await asyncio.gather(*(node.kill() for node in cluster.running.values()))
        rates = {kind: operations / seconds for kind, operations in _checked(folder, kinds).items()}
    if min(rates.values()) < least:
        raise VoidError(f"fewer than {least:g} operations per second: {shown(rates)}")
    return rates


async def _go_on(folder: Path, kinds: Collection[str], wanted: float) -> None:
    """The last fault may have held up all callers of a kind: a lock is free again only when its lease is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            while min(_returned(folder, kinds)) < wanted:  # noqa: ASYNC110 - other processes make them
                await asyncio.sleep(LOOK)


def _returned(folder: Path, kinds: Collection[str]) -> list[int]:
    return [returned(read(folder.glob(f"{kind}-*.jsonl"))) for kind in kinds]


def _checked(folder: Path, kinds: Collection[str]) -> dict[str, int]:
    """The number of operations of each kind. Raises `NotLinearizableError`."""
    return {kind: check(kind, read(folder.glob(f"{kind}-*.jsonl"))) for kind in kinds}


async def _use(node: NodeProcess, kinds: Collection[str], pace: float, folder: Path) -> None:
    await node.do("use", kinds=list(kinds), callers=CALLERS, pace=pace, folder=str(folder))


async def _disturb(cluster: Cluster, use: Callable[[NodeProcess], Awaitable[None]], random: Random) -> None:
    """Kill a node and start it again, or pause it."""
    name = random.choice(sorted(cluster.running))
    if random.random() < 0.5:
        await cluster[name].kill()
        await asyncio.sleep(random.uniform(*DOWN))
        await use(await cluster.start(name))
    else:
        cluster[name].signal(signal.SIGSTOP)
        await asyncio.sleep(random.uniform(*PAUSED))
        cluster[name].signal(signal.SIGCONT)


def shown(rates: dict[str, float]) -> str:
    return ", ".join(f"{kind} {rate:.1f}/s" for kind, rate in rates.items())


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(MODELS), action="append", help="all, without it")
    parser.add_argument("--copied", action="store_true", help="in copies on the disks of the nodes")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=SEED, help="of the first run; the next one has the next seed")
    given = parser.parse_args()
    with own_server() as server:
        for seed in range(given.seed, given.seed + given.runs):
            print(f"seed {seed}", end=" ", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                journal = f"sqlite:///{folder}/{{node}}.db" if given.copied else server.new_database()
                rates = await run(journal, Path(folder), given.kind or MODELS, given.seconds, Random(seed))
                print(shown(rates), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
