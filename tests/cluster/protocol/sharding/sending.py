"""A sender as tests drive it: what it is given, and what it returns."""

from typing import Any

from casty.member import NodeId
from casty_cluster.protocol.sharding.effects import SendUser
from casty_cluster.protocol.sharding.inputs import Bounced, Dispatch, Follow, Present, Received, Unsent
from casty_cluster.protocol.sharding.sender import Sender
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import Bounce, Flush, FlushAck, GetHome, Message, ShardHome

HERE, A, B, HOST, NEXT_HOST = (NodeId(name, 1, uid) for uid, name in enumerate(("here", "a", "b", "host", "next"), 1))
ALL = frozenset((HERE, A, B, HOST, NEXT_HOST))
SHARD = 7


class Part:
    """A sender, checked after each input. It is up, and follows HOST."""

    def __init__(self, *, is_up: bool = True, **bounds: int) -> None:
        self.machine = Sender[int](HERE, **bounds)
        self.give(Present(ALL, is_up))
        self.give(Follow(HOST))

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        effects = self.machine.handle(given, now)
        self.machine.validate()
        return effects

    def send(self, number: int, shard: int = SHARD, now: float = 0.0, deadline: float | None = None) -> list[Any]:
        return self.give(Dispatch(shard=shard, entity="e", message=number, size=1, deadline=deadline), now)

    def home(self, owner: NodeId, epoch: int, shard: int = SHARD) -> list[Any]:
        return self.give(Received(HOST, ShardHome(term=1, shard=shard, owner=owner, epoch=epoch)))

    def bounce(self, owner: NodeId, epoch: int, number: int) -> list[Any]:
        bounce = Bounce(shard=SHARD, epoch=epoch, entity="e", message=number)
        return self.give(Bounced(node=owner, bounce=bounce, size=1))

    def unsent(self, owner: NodeId, epoch: int, number: int) -> list[Any]:
        message = Message(shard=SHARD, epoch=epoch, entity="e", message=number)
        return self.give(Unsent(node=owner, message=message, size=1))

    def acknowledge(self, owner: NodeId, number: int) -> list[Any]:
        return self.give(Received(owner, FlushAck(SHARD, number)))


def to(owner: NodeId, epoch: int, number: int, shard: int = SHARD) -> SendUser[Message[int]]:
    return SendUser(owner, Message(shard=shard, epoch=epoch, entity="e", message=number))


def ask(after: int, shard: int = SHARD, host: NodeId = HOST) -> SendSystem[GetHome]:
    return SendSystem(host, GetHome(shard, after))


def flush(owner: NodeId, number: int) -> SendUser[Flush]:
    return SendUser(owner, Flush(SHARD, number))


def part_at_a() -> Part:
    """The home is A at epoch 5, and messages may be under way to it."""
    part = Part()
    part.send(0)
    assert part.home(A, 5) == [to(A, 5, 0)]
    return part
