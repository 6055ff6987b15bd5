"""Asks that a node makes on behalf of its clients, which only this node can send replies to.

The target may pass the message on to another node. The reply reference that it finds in the message is one of this
node, so the reply comes back here, and so does every failure by which an ask of this node ends early.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from functools import partial
from typing import Any, Final, final

from casty.address import ActorAddress
from casty.errors import DecodeError, MailboxFullError, PartialAnswerError
from casty.extension import ASKS, Kernel
from casty.member import NodeId
from casty.ref import DetachedRef

from casty_cluster.remoting.delivery import Delivery
from casty_cluster.wire import frames

MAX_ASKS: Final = 10_000
"""Asks of one client that may be pending on one node."""


@final
class ClientAsks:
    """The pending asks of all clients of one node."""

    def __init__(self, kernel: Kernel, delivery: Delivery) -> None:
        self._kernel = kernel
        self._delivery = delivery
        self._pending: dict[NodeId, set[asyncio.Task[None]]] = {}
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        """Frames arrive in the context of whatever opened the connection."""

    @property
    def pending(self) -> list[asyncio.Task[None]]:
        return [task for tasks in self._pending.values() for task in tasks]

    def ask(self, client: NodeId, frame: bytes) -> None:
        """Ask on behalf of the client. Raises `DecodeError` for a damaged frame, or an actor that takes no messages."""
        uid, seconds = frames.read_asked(frame)
        target, body = frames.split(frame)
        tasks = self._pending.setdefault(client, set())
        try:
            if len(tasks) >= MAX_ASKS:
                raise MailboxFullError(f"{MAX_ASKS:,} asks of the client {client.host} are pending on one node")
            ref, serializer = self._delivery.recipient(target)
        except (DecodeError, MailboxFullError) as error:
            self._delivery.refuse(client.address, uid, error)
            if isinstance(error, DecodeError):
                raise
            return
        make = partial(self._delivery.read_for_client, uid, serializer, body)
        asking = self._ask(client, uid, self._kernel.asks.ask(ref, make, seconds))
        # It starts at once, so that the message keeps its place among the other messages of this client.
        context = self._context.copy()
        task = asyncio.Task(asking, loop=self._loop, name="casty-client-ask", context=context, eager_start=True)
        if not task.done():
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def lost(self, client: NodeId) -> None:
        """The connection is gone: no reply can be sent."""
        for task in list(self._pending.pop(client, ())):
            task.cancel()

    async def _ask(self, client: NodeId, uid: int, asking: Coroutine[Any, Any, Any]) -> None:
        try:
            reply = await asking
        except PartialAnswerError as error:
            self._delivery.refuse(client.address, uid, error)
        except TimeoutError:
            pass  # the client has stopped waiting at about the same time, by its own clock
        except Exception as error:
            self._delivery.refuse(client.address, uid, error)
        else:
            self._reply(client, uid, reply)

    def _reply(self, client: NodeId, uid: int, reply: Any) -> None:
        refusal = self._delivery.reply(client.address, uid, reply)
        if refusal is not None:
            name = self._kernel.system.name
            address = ActorAddress(system=name, path=ASKS, host=client.host, port=client.port, uid=uid)
            self._kernel.dead_letters.publish(reply, DetachedRef(address), refusal)
