"""Bank accounts as entities, which keep a record of what they handle."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, RegionRef
from casty_cluster import ClusteredActorSystem

type Ctx = ActorContext[Any]


@dataclass(frozen=True)
class Deposit:
    """Add an amount."""

    amount: int


@dataclass(frozen=True)
class GetBalance:
    """Answered with the balance."""

    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Where:
    """Answered with the node that the entity runs on."""

    reply_to: ActorRef[str]


@dataclass(frozen=True)
class Stop:
    """Stop until the next message."""


@dataclass(frozen=True)
class Number:
    """Kept in the record of its entity."""

    sender: str
    number: int


@dataclass
class Accounts:
    """The entities of one region on all nodes of a test."""

    seen: dict[str, list[Number]] = field(default_factory=dict[str, list[Number]])
    starts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often each entity has started on each node."""

    def spawn(self, node: ClusteredActorSystem, name: str = "accounts", **options: Any) -> RegionRef[Any]:
        node_id = node.self_node.node_id
        return node.spawn(Behaviors.sharded(lambda entity: self._account(node_id, entity), **options), name)

    def _account(self, node_id: str, entity: str, balance: int = 0) -> Behavior[Any]:
        self.starts[node_id, entity] += 1
        return self._having(node_id, entity, balance)

    def _having(self, node_id: str, entity: str, balance: int) -> Behavior[Any]:
        async def receive(ctx: Ctx, message: Any) -> Behavior[Any]:
            match message:
                case Deposit(amount):
                    return self._having(node_id, entity, balance + amount)
                case GetBalance(reply_to):
                    reply_to.tell(balance)
                case Where(reply_to):
                    reply_to.tell(node_id)
                case Number():
                    self.seen.setdefault(entity, []).append(message)
                case Stop():
                    return Behaviors.stopped()
                case _:
                    raise AssertionError(f"unexpected: {message!r}")
            return Behaviors.same()

        return Behaviors.receive(receive)
