"""One node of a cluster with accounts as entities, as a process; see `tests.chaos.cluster.node`.

python -m tests.chaos.sharding.node SETTINGS
"""

import asyncio
import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from casty import Behaviors, CastyError, NodeLostError
from casty.cluster import ClusteredActorSystem
from casty.errors import NodeUnreachableError
from casty.extension import shard_of
from casty.replication import ReplicationConfig
from casty_cluster.replication.feature import Copies
from casty_cluster.sharding.feature import Sharding

from tests.chaos.cluster.node import LOG_FORMAT, Node, main
from tests.chaos.sharding.ledger import REGION, SHARDS, Book, GetBalance, Row, account, rows_of

IN_FLIGHT: Final = 50
"""Transactions of one command that are sent at a time."""
PATIENCE: Final = 5.0
READ_PATIENCE: Final = 30.0
AGAIN: Final = 0.1
"""Seconds after which what failed with its node is sent again."""


class LedgerNode(Node):
    """The commands of the process; each method is one."""

    def __init__(self, system: ClusteredActorSystem, journal: str, replication: ReplicationConfig | None) -> None:
        super().__init__(system)
        entities = Behaviors.sharded(
            lambda account_id: account(account_id, journal), num_shards=SHARDS, replication=replication
        )
        self._accounts = system.spawn(entities, REGION)
        self._probed: list[tuple[str, float, float, str]] = []
        self._slowest: defaultdict[int, float] = defaultdict(float)
        self._asked = 0
        self._failed: list[str] = []

    async def book(self, file: str, first: int, last: int) -> int:
        """Book the rows of the file from `first` to before `last`; returns how often one had to be sent again."""
        rows, repeated = iter(_rows(file)[first:last]), 0

        async def clerk() -> None:
            nonlocal repeated
            for row in rows:
                while not await self._booked(row):
                    repeated += 1
                    await asyncio.sleep(AGAIN)

        await asyncio.gather(*(clerk() for _ in range(IN_FLIGHT)))
        return repeated

    async def _booked(self, row: Row) -> bool:
        entity = self._accounts.entity(row.account_id)
        try:
            await entity.ask(lambda reply_to: Book(row.trans_id, row.amount, reply_to), timeout=PATIENCE)
        except (CastyError, TimeoutError):
            return False
        return True

    async def balances(self, account_ids: Sequence[str]) -> dict[str, str]:
        async with asyncio.timeout(READ_PATIENCE):
            seen = await asyncio.gather(*map(self._balance, account_ids))
        return {account_id: f"{balance:.2f}" for account_id, balance in zip(account_ids, seen, strict=True)}

    async def _balance(self, account_id: str) -> Decimal:
        while True:
            try:
                return await self._accounts.entity(account_id).ask(GetBalance, timeout=READ_PATIENCE)
            except (
                NodeLostError,
                NodeUnreachableError,
            ):  # its node was killed with the question; a read may be repeated
                continue

    async def shards(self) -> list[int]:
        """Those that run on this node."""
        pair = self._system.features.find(Sharding)._regions[REGION]._pair
        return [] if pair is None else [hosted.shard for hosted in pair.region.owner.hosted]

    async def copies(self) -> list[tuple[int, bool]]:
        """The shards with a copy on this node, and whether it keeps the shard now, with all that this had when its
        primary took over.
        """
        region = self._system.features.find(Copies).of(REGION)
        members = [] if region is None else [(shard, copy._member) for shard, copy in region._copies.items()]
        return [
            (
                shard,
                member is not None
                and (view := member.view) is not None
                and not view.former
                and view.epoch == member.contents.confirmed == member.promised,
            )
            for shard, member in members
        ]

    async def probe(self, account_ids: Collection[str], pause: float, timeout: float) -> None:
        """From now on, ask each of them, one question after the other."""
        for account_id in account_ids:
            self._start(self._probing(account_id, pause, timeout))

    async def _probing(self, account_id: str, pause: float, timeout: float) -> None:
        while True:
            begun, failure = time.monotonic(), await self._asked_for_balance(account_id, timeout)
            self._probed.append((account_id, begun, time.monotonic() - begun, failure))
            await asyncio.sleep(pause)

    async def how_probes_went(self) -> list[tuple[str, float, float, str]]:
        """The account, when it was asked, how long that took and why it failed, since this was last asked."""
        probed, self._probed = self._probed, []
        return probed

    async def load(self, account_ids: Sequence[str], rate: float, timeout: float) -> None:
        """From now on, make so many asks per second, of all of them in turn, however long each takes."""
        self._start(self._loading(account_ids, rate, timeout))

    async def _loading(self, account_ids: Sequence[str], rate: float, timeout: float) -> None:
        begun, made = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while True:
                while made < (time.monotonic() - begun) * rate:
                    group.create_task(self._ask_under_load(account_ids[made % len(account_ids)], timeout))
                    made += 1
                await asyncio.sleep(1 / rate)

    async def _ask_under_load(self, account_id: str, timeout: float) -> None:
        begun, failure = time.monotonic(), await self._asked_for_balance(account_id, timeout)
        shard = shard_of(account_id, SHARDS)
        self._slowest[shard] = max(self._slowest[shard], time.monotonic() - begun)
        self._asked += 1
        if failure:
            self._failed.append(failure)

    async def _asked_for_balance(self, account_id: str, timeout: float) -> str:
        """Why the ask failed; nothing if it did not."""
        try:
            await self._accounts.entity(account_id).ask(GetBalance, timeout=timeout)
        except (CastyError, TimeoutError) as error:
            return f"{account_id}: {type(error).__name__}: {error}"
        return ""

    async def how_load_went(self) -> dict[str, Any]:
        """The number of asks, the slowest one by shard, and why some failed, since this was last asked."""
        went = {"asked": self._asked, "slowest": list(self._slowest.items()), "failed": self._failed}
        self._slowest, self._asked, self._failed = defaultdict(float), 0, []
        return went


@cache
def _rows(file: str) -> Sequence[Row]:
    return rows_of(Path(file))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    settings = json.loads(sys.argv[1])
    journal = settings.pop("journal").format(node=settings["node_id"])
    copies = settings.pop("replication", None)
    replication = None if copies is None else ReplicationConfig(**copies)
    asyncio.run(main(settings, lambda system: LedgerNode(system, journal, replication)))
