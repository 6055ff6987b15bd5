"""System messages of all regions of one node, sent in the next turn of the event loop, in batches.

Each message over a system link is numbered, kept and acknowledged; a change of the membership concerns many shards. It
may concern many regions, too: a turn sends a limited number of messages, and the next one goes on. What a node sends to
itself takes the same way, so that no machine sees a message amid the effects of another one.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from itertools import accumulate, islice
from typing import Any, Final, final

from casty.member import NodeId

from casty_cluster.wire import codec
from casty_cluster.wire.sharding import Batch

MAX_BYTES: Final = 48 * 1024
"""Of the messages of a batch, of the 60 KiB that a control message may have."""
AT_ONCE: Final = 256
"""Messages that are sent in one turn."""


@final
class Outbox:
    """What this incarnation of the node has not sent yet."""

    def __init__(
        self, send: Callable[[NodeId, Batch], None], hear: Callable[[NodeId, str, Sequence[Any]], None]
    ) -> None:
        """`hear` takes what the node sends itself: the node, the region's name and the messages."""
        self._send = send
        self._hear = hear
        self._local: NodeId | None = None
        self._pending: dict[tuple[NodeId, str, int], list[Any]] = {}
        """By receiver, region and number of shards."""
        self._is_armed = False
        self._context = copy_context()
        """That of the node's start: what a turn sends is no concern of the actor that happened to cause it."""

    def belongs_to(self, local: NodeId | None) -> None:
        """Send as this incarnation from now on. What another one has not sent is void."""
        if local != self._local:
            self._local = local
            self._pending.clear()

    def put(self, to: NodeId, region: str, num_shards: int, message: Any) -> None:
        self._pending.setdefault((to, region, num_shards), []).append(message)
        self._arm()

    def _arm(self) -> None:
        if not self._is_armed:
            self._is_armed = True
            asyncio.get_running_loop().call_soon(self._flush, context=self._context)

    def _flush(self) -> None:
        self._is_armed, left = False, AT_ONCE
        for key in list(islice(self._pending, AT_ONCE)):
            messages = self._pending[key]
            taken, later = messages[:left], messages[left:]
            if later:
                self._pending[key] = later
            else:
                del self._pending[key]
            self._dispatch(*key, taken)
            left -= len(taken)
            if not left:
                break
        if self._pending:
            self._arm()

    def _dispatch(self, to: NodeId, region: str, num_shards: int, messages: Sequence[Any]) -> None:
        if to == self._local:
            self._hear(to, region, messages)
        else:
            for part in _parts([codec.dumps(message) for message in messages]):
                self._send(to, Batch(region, num_shards, tuple(part)))


def _parts(messages: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut the messages into parts that fit into a batch; each of them fits by itself."""
    start = taken = 0
    for index, total in enumerate(accumulate(map(len, messages))):
        if total - taken > MAX_BYTES and index > start:
            yield messages[start:index]
            start, taken = index, total - len(messages[index])
    yield messages[start:]
