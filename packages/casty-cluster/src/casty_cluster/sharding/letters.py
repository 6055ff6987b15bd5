"""Messages for entities on their way from the actors of this node to wherever the entity runs."""

import weakref
from typing import Any, Final

from casty.extension import RemoteAskGuard
from casty.member import NodeId
from casty.ref import ActorRef

ENCODED: Final = object()
"""Stands for a message of which this node has nothing but the bytes."""


class Letter:
    """A message that no ask waits for. It is encoded once, or not at all where the entity runs on this node."""

    __slots__ = ("body", "entity", "message", "serializer")

    def __init__(self, entity: str, message: Any, body: bytes | None = None, serializer: str | None = None) -> None:
        """`body` and `serializer`: the bytes of the message, where it has been on its way, and what has written them;
        the message is `ENCODED` then.
        """
        self.entity = entity
        self.message = message
        self.body = body
        self.serializer = serializer


class AskLetter(Letter):
    """A message whose reply an actor or a task of this node waits for."""

    __slots__ = ("deadline", "guard", "node", "promise", "reply_uid")

    def __init__(self, entity: str, message: Any, promise: ActorRef[Any], reply_uid: int, deadline: float) -> None:
        super().__init__(entity, message)
        self.promise = weakref.ref(promise)
        self.reply_uid = reply_uid
        self.deadline = deadline
        self.node: NodeId | None = None
        """The node that it was sent to last."""
        self.guard: RemoteAskGuard | None = None
        """What fails the ask where the entity runs on this node and cannot reply."""

    def end(self) -> None:
        """The ask is over."""
        self.message = ENCODED
        if self.guard is not None:
            self.guard.set_result(None)
            self.guard = None
