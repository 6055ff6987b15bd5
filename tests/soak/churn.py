"""Actors and nodes that come and go for minutes, and what of them is still alive afterwards.

python -m tests.soak.churn --minutes 10

Counts the live objects of each type after a first round of churn, when caches are filled, and after the last one. What
has grown by more than `SLACK` is printed, and is a leak.
"""

import argparse
import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, ServiceKey, Terminated
from casty.behaviors.discovery import Listing, Subscribe
from casty.request import NO_RECEIVER
from casty_cluster import DevelopmentCluster

BATCH: Final = 50
"""Actors of each kind in one round."""
SLACK: Final = 60
"""Objects of one type: less than a round leaves where one of each batch is kept, and more than chance does."""
REMEMBERED: Final = {"casty.node_id.NodeId": 10, "casty.address.PeerAddress": 5}
"""In each round: for a day, each of two nodes keeps a removed incarnation's tombstone and its count in the clock (three
ids), and a mark of its address, of which there are 4,096.
"""
WARM_UP: Final = 0.3
"""Of the time, before the first count."""
ROUNDS: Final = 6
"""At the least, before the first count and again after it: in the first ones bounded memories fill, such as the stories
of drivers.
"""
KEY: Final = ServiceKey[Any]("soak")


@dataclass(frozen=True)
class Echo:
    """Answered with its number; the actor stops after it."""

    number: int
    reply_to: ActorRef[int]


def mortal() -> Behavior[Any]:
    """Has children, timers and a subscription, and stops after its first answer."""

    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        held = bytearray(1_000)  # what a closure holds
        child = ctx.spawn(Behaviors.ignore(), "child")
        ctx.watch(child)
        ctx.timers.start("never", "never", after=3_600.0)

        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Echo(number, reply_to):
                    assert held is not None
                    reply_to.tell(number)
                    return Behaviors.stopped()
                case _:
                    return Behaviors.same()

        return Behaviors.receive(receive)

    return Behaviors.setup(setup)


def watcher(ref: ActorRef[Any]) -> Behavior[Any]:
    """Stops with what it watches."""

    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        ctx.watch(ref)

        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            return Behaviors.stopped() if isinstance(message, Terminated) else Behaviors.same()

        return Behaviors.receive(receive)

    return Behaviors.setup(setup)


async def churn(at: ActorSystem, seen_from: ActorSystem) -> None:
    """One round: actors of `at` are found, watched, asked and stopped from `seen_from`."""
    spawned = [at.spawn(Behaviors.discoverable(mortal(), KEY)) for _ in range(BATCH)]
    refs = [seen_from.resolve(ref.address) for ref in spawned]
    watchers = [seen_from.spawn(watcher(ref)) for ref in refs]
    for number, ref in enumerate(refs):
        answer: int = await seen_from.ask(ref, lambda reply_to, n=number: Echo(n, reply_to))
        assert answer == number
    async with asyncio.timeout(30.0):
        for system, gone in ((at, spawned), (seen_from, watchers)):
            while any(system.lookup(ref.address.path) for ref in gone):  # noqa: ASYNC110 - it is not told
                await asyncio.sleep(0.001)
    refs[0].tell(Echo(0, NO_RECEIVER))  # and one message comes too late


async def locally(over: Callable[[], bool]) -> AsyncGenerator[None]:
    async with ActorSystem("soak") as system:
        while not over():
            await churn(system, system)
            yield


async def over_three_nodes(over: Callable[[], bool]) -> AsyncGenerator[None]:
    """The third node is another one in each round."""
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for node in cluster:
            node.spawn(Behaviors.singleton(mortal), "single")
        first.receptionist.tell(Subscribe(KEY, first.spawn(listening(), "router")))
        while not over():
            third = await cluster.add_node()
            await third.wait_for(3)
            third.spawn(Behaviors.singleton(mortal), "single")
            for at, seen_from in ((first, second), (second, third), (third, first)):
                await churn(at, seen_from)
            await third.leave()
            yield


def listening() -> Behavior[Listing[Any]]:
    async def receive(_: ActorContext[Listing[Any]], __: Listing[Any]) -> Behavior[Listing[Any]]:
        return Behaviors.same()

    return Behaviors.receive(receive)


def live() -> Counter[str]:
    """How many objects of each type there are. Containers of Python's own are counted by what holds them."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in objects)
    # An event loop keeps timers that were cancelled, each with a context of its own, until they are half of all.
    cancelled = sum(type(each) is asyncio.TimerHandle and each.cancelled() for each in objects)
    kinds.subtract({"asyncio.events.TimerHandle": cancelled, "_contextvars.Context": cancelled})
    return Counter({kind: count for kind, count in kinds.items() if not kind.startswith("builtins.")})


async def soak(scenario: Callable[[Callable[[], bool]], AsyncGenerator[None]], seconds: float) -> dict[str, int]:
    """What has grown, by so many, from the end of the warm-up to the end, while the same systems run.

    On a slow machine it takes longer, for the least number of rounds.
    """
    begun, rounds, warm = time.monotonic(), 0, 0
    before, after = Counter[str](), Counter[str]()

    def is_over() -> bool:
        return bool(after)

    async for _ in scenario(is_over):
        rounds += 1
        passed = time.monotonic() - begun
        if not warm:
            if rounds >= ROUNDS and passed > seconds * WARM_UP:
                before, warm = live(), rounds
        elif rounds >= warm + ROUNDS and passed > seconds:
            after = live()
    print(f"{scenario.__name__}: {rounds} rounds of {BATCH} actors, counted from round {warm} on", flush=True)
    grown = {kind: count - before[kind] for kind, count in after.items()}
    return {kind: by for kind, by in grown.items() if by > SLACK + REMEMBERED.get(kind, 0) * (rounds - warm)}


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    grown = [await soak(scenario, given.minutes * 30) for scenario in (locally, over_three_nodes)]
    for each in grown:
        print("\n".join(f"  {kind} has grown by {count}" for kind, count in sorted(each.items())) or "  nothing grew")
    return 1 if any(grown) else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
