"""Messages to copies that are larger than a frame: bulk transfers, one after the other to each copy."""

import asyncio
import logging
from collections import deque
from typing import Final, final

from casty.errors import DecodeError, NodeLostError, TransferError
from casty.extension import Throttle
from casty.member import NodeId
from casty.printable import printable
from casty.spi.cluster_feature import ClusterNode

from casty_cluster.wire.replication import CopyId

logger = logging.getLogger("casty.replication")

KIND: Final = "casty.replication.Message"
WAITING: Final = 64 << 20
"""Bytes that may wait for a copy: as many as the writes of its shard may have. A message beyond them is lost, and sent
again like any that is lost; a single larger one is taken when nothing else waits.
"""


@final
class Transfers:
    """Those of one node."""

    def __init__(self, node: ClusterNode, throttle: Throttle) -> None:
        """`throttle`: admits one warning about a node at a time."""
        self._node = node
        self._throttle = throttle
        self._waiting: dict[tuple[NodeId, CopyId], deque[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, node: NodeId, to: CopyId, message: bytes) -> None:
        """Send a message to a copy that may be on that node, behind those that wait. It may be lost."""
        waiting = self._waiting.get((node, to))
        if waiting is None:
            waiting = self._waiting[node, to] = deque([message])
            self._start(node, to, waiting)
        elif sum(map(len, waiting)) + len(message) <= WAITING:
            waiting.append(message)

    async def close(self) -> None:
        """Send nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, node: NodeId, to: CopyId, waiting: deque[bytes]) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_all(node, to, waiting), name="casty-copies-transfer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_all(self, node: NodeId, to: CopyId, waiting: deque[bytes]) -> None:
        try:
            while waiting:
                await self._carry(node, waiting[0])
                waiting.popleft()
        finally:
            del self._waiting[node, to]

    async def _carry(self, node: NodeId, message: bytes) -> None:
        try:
            await self._node.send_bulk(node, KIND, message)
        except (NodeLostError, TransferError, DecodeError) as error:
            if self._throttle.admits(node):
                logger.warning("a message to a copy on %s is lost, and sent again: %s", node, printable(error))
