"""What becomes of a letter: a frame to another node, a message for an entity of this node, or a dead letter."""

from collections.abc import Callable
from typing import Any, Protocol, final

from casty.address import PeerAddress
from casty.errors import ActorStoppedError, BehaviorError, DecodeError, EncodeError, NodeUnreachableError
from casty.extension import Entities, Kernel
from casty.member import NodeId
from casty.ref import ActorRef

from casty_cluster.remoting.delivery import Delivery, Wire
from casty_cluster.sharding.letters import ENCODED, AskLetter, Letter
from casty_cluster.wire.entities import write_message, write_target


class MemberWire(Wire, Protocol):
    """The wire of a node, which knows the members."""

    def is_gone(self, peer: PeerAddress) -> bool:
        """Whether the member at that address was removed: no frame will be sent to it."""
        ...


@final
class Post:
    """The letters of one region on one node."""

    def __init__(
        self, region: str, kernel: Kernel, delivery: Delivery, wire: MemberWire, entity: Callable[[str], ActorRef[Any]]
    ) -> None:
        """`entity` makes the reference that a dead letter was for."""
        self._region = region
        self._kernel = kernel
        self._delivery = delivery
        self._wire = wire
        self._entity = entity
        self._clock = kernel.clock
        self._serializer = kernel.system.serializer

    def size(self, letter: Letter) -> int:
        """Bytes that it takes in a buffer; none for one that cannot be encoded, which can reach an entity here only."""
        try:
            return len(self._encoded(letter))
        except EncodeError:
            return 0

    def send(self, to: NodeId, shard: int, epoch: int, letter: Letter) -> bool:
        """Send it to the home of its shard. Returns whether it is done with: a letter for a node that was removed from
        the cluster has another home to wait for.
        """
        seconds = 0.0
        if isinstance(letter, AskLetter):
            letter.node = to
            seconds = max(0.0, letter.deadline - self._clock.time())
        try:
            body = letter.body or self._encoded(letter)
            target = letter.target or self._target(letter)
            frame = write_message(to.uid, shard, epoch, letter.reply_uid, seconds, target, body)
            refusal = self._wire.send(to.address, frame)
        except EncodeError as error:
            self.fail(letter, error)
        except ValueError as error:  # it is larger than a frame may be
            self.fail(letter, EncodeError(str(error)))
        else:
            if refusal is not None and self._wire.is_gone(to.address):
                if isinstance(letter, AskLetter):
                    letter.node = None
                return False
            if refusal is not None:
                self.fail(letter, NodeUnreachableError(f"{to} cannot be reached: {refusal}"))
        return True

    def deliver(self, entities: Entities | None, letter: Letter) -> None:
        """Hand it to the entity, which runs on this node."""
        try:
            if entities is None:
                raise ActorStoppedError(f"the region {self._region} has stopped on this node")
            ref, message = entities.ref(letter.entity), self._decoded(letter)
        except (ActorStoppedError, BehaviorError, DecodeError) as error:
            self.fail(letter, error)
            return
        if isinstance(letter, AskLetter) and letter.promise is not None:
            asks, uid = self._kernel.asks, letter.reply_uid
            seconds = max(0.0, letter.deadline - self._clock.time())
            letter.guard = asks.guard(ref, message, letter.promise, seconds, lambda error: asks.fail(uid, error))
            letter.message, letter.promise = ENCODED, None  # from here on only those who may reply hold the reference
            asks.deliver(ref, message)
        else:
            self._kernel.dead_letters.tell(ref, message)

    def fail(self, letter: Letter, error: Exception) -> None:
        """It is undeliverable: fail its ask, and report it as a dead letter."""
        if isinstance(letter, AskLetter):
            self._kernel.asks.fail(letter.reply_uid, error)
            if isinstance(error, EncodeError):
                return  # the asker's mistake, of which it knows
        self.drop(letter, str(error), error)

    def drop(self, letter: Letter, reason: str, cause: Exception | None = None) -> None:
        """Report it as a dead letter. Its ask, if any, ends by itself."""
        try:
            message = self._decoded(letter)
        except DecodeError:
            message = letter.body
        self._kernel.dead_letters.publish(message, self._entity(letter.entity), reason, cause)

    def target(self, entity_id: str) -> bytes:
        """What names the entity in frames whose body this node has written."""
        return write_target(self._region, entity_id, self._serializer.name)

    def _target(self, letter: Letter) -> bytes:
        letter.target = write_target(self._region, letter.entity, letter.serializer or self._serializer.name)
        return letter.target

    def _encoded(self, letter: Letter) -> bytes:
        if letter.body is None:
            letter.body = self._serializer.dumps(letter.message)
        return letter.body

    def _decoded(self, letter: Letter) -> Any:
        if letter.message is not ENCODED:
            return letter.message
        assert letter.body is not None, "of a letter there is the message or its bytes"
        name = letter.serializer or self._serializer.name
        return self._delivery.serializer(name).loads(letter.body)
