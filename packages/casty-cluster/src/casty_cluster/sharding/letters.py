"""Messages for entities on their way from the actors of this node to wherever the entity runs."""

from typing import Any, Final, override

from casty.extension import RemoteAskGuard
from casty.member import NodeId
from casty.ref import ActorRef

ENCODED: Final = object()
"""Stands for a message of which this node has nothing but the bytes."""


class Letter:
    """A message that no ask waits for. It is encoded once, or not at all where the entity runs on this node."""

    __slots__ = ("body", "entity", "message", "reply_uid", "serializer", "shard", "target")

    def __init__(self, entity: str, message: Any, shard: int | None = None, target: bytes | None = None) -> None:
        """`shard` and `target`, the entity as a frame names it, where they are known."""
        self.entity = entity
        self.message = message
        self.shard = shard
        self.target = target
        self.body: bytes | None = None
        self.serializer: str | None = None
        """What has written the body; None: the serializer of this node."""
        self.reply_uid = 0

    @classmethod
    def of_bytes(cls, entity: str, body: bytes, serializer: str) -> "Letter":
        """A message of which this node has nothing but the bytes."""
        letter = cls(entity, ENCODED)
        letter.body, letter.serializer = body, serializer
        return letter

    @property
    def due(self) -> float | None:
        """The time at which its ask is over; None: it has none."""
        return None


class AskLetter(Letter):
    """A message whose reply an actor or a task of this node waits for."""

    __slots__ = ("deadline", "guard", "node", "promise")

    def __init__(
        self,
        entity: str,
        message: Any,
        shard: int | None,
        target: bytes | None,
        promise: ActorRef[Any],
        reply_uid: int,
        deadline: float,
    ) -> None:
        super().__init__(entity, message, shard, target)
        self.promise: ActorRef[Any] | None = promise
        """What receives the reply, until the entity has got the message on this node."""
        self.reply_uid = reply_uid
        self.deadline = deadline
        self.node: NodeId | None = None
        """The node that it was sent to last."""
        self.guard: RemoteAskGuard | None = None
        """What fails the ask where the entity runs on this node and cannot reply."""

    @property
    @override
    def due(self) -> float:
        return self.deadline

    def end(self) -> None:
        """The ask is over."""
        self.message = ENCODED
        self.promise = None
        if self.guard is not None:
            self.guard.set_result(None)
            self.guard = None
