"""The other process of `remote.py`, and the messages of both."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, message
from casty.cluster import ClusteredActorSystem
from casty.serialization import MsgpackSerializer
from wires import RawWire


@message("benchmark.Order")
@dataclass(frozen=True)
class Order:
    """A tell: counted, not answered."""

    number: int
    customer: str
    amount: float
    items: tuple[str, ...]
    placed_by: ActorRef[Any] | None


@message("benchmark.Question")
@dataclass(frozen=True)
class Question:
    """Answered with its number."""

    number: int
    reply_to: ActorRef[int] | None


@message("benchmark.Counted")
@dataclass(frozen=True)
class Counted:
    """Answered with the number of tells so far."""

    reply_to: ActorRef[int] | None


def an_order(placed_by: ActorRef[Any] | None) -> Order:
    return Order(7, "customer-4711", 99.5, ("apples", "pears"), placed_by)


def counter() -> Behavior[Any]:
    count = 0

    async def receive(_: ActorContext[Any], received: Order | Question | Counted) -> Behavior[Any]:
        nonlocal count
        match received:
            case Order():
                count += 1
            case Question(number, ActorRef() as reply_to):
                reply_to.tell(number)
            case Counted(ActorRef() as reply_to):
                reply_to.tell(count)
            case _:
                return Behaviors.unhandled()
        return Behaviors.same()

    return Behaviors.receive(receive)


def raw_server() -> RawWire:
    wire, serializer, count = RawWire(), MsgpackSerializer(), 0

    def take(frame: bytes) -> None:
        nonlocal count
        match serializer.loads(frame):
            case Order():
                count += 1
            case Question(number):
                wire.send(serializer.dumps(number))
            case _:
                wire.send(serializer.dumps(count))

    wire.on_frame = take
    return wire


async def main(role: str) -> None:
    """Until standard input ends."""
    if role == "raw":
        server = await asyncio.get_running_loop().create_server(raw_server, "127.0.0.1", 0)
        name: tuple[Any, ...] = server.sockets[0].getsockname()
        print(name[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.close()
        return
    async with ClusteredActorSystem(name="remote", host="127.0.0.1", port=0) as system:
        system.spawn(counter(), "counter")
        system.spawn(Behaviors.sharded(lambda _: counter()), "counters")
        for number in range(1_000):
            system.spawn(counter(), f"counter-{number:05}")
        print(system.self_node.address.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
