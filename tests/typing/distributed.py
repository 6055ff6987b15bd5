"""What type checkers have to know of distributed structures and scopes, and have to refuse: mypy and basedpyright both
read this file in `.ci/run`.

An `ignore` that nothing needs is an error to both, so that a mistake which is no longer refused is found as well.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from dataclasses import dataclass
from typing import assert_type

from casty import Actor, ActorSystem, Context
from casty.cluster import ClusterClient, ClusterScope
from casty.distributed import (
    Delivery,
    Distributed,
    DistributedMap,
    DistributedQueue,
    DistributedRegister,
    DistributedSet,
    LockGrant,
)


@dataclass(frozen=True)
class User:
    name: str


class Counter(Actor[int]):
    async def receive(self, msg: int, ctx: Context) -> None:
        await ctx.reply(msg)


async def facades(system: ActorSystem, client: ClusterClient) -> None:
    assert_type(system.distributed(), Distributed)
    assert_type(client.distributed(persistent=True), Distributed)


async def values(d: Distributed) -> None:
    users = d.map[str, User]("users")
    assert_type(users, DistributedMap[str, User])
    assert_type(await users.get("k"), User | None)
    assert_type(await users.get("k", 0), User | int)
    assert_type(await users.put("k", User("alice")), User | None)
    assert_type([item async for item in users.items()], list[tuple[str, User]])
    names = d.set[str]("names")
    assert_type(names, DistributedSet[str])
    assert_type([name async for name in names.members()], list[str])
    settings = d.register[User]("settings")
    assert_type(settings, DistributedRegister[User])
    assert_type(await settings.get(), User | None)
    jobs = d.queue[User]("jobs")
    assert_type(jobs, DistributedQueue[User])
    assert_type(await jobs.dequeue(), User | None)
    assert_type(await jobs.peek(), User | None)
    assert_type(await jobs.reserve(visibility=1.0), Delivery[User] | None)


async def others(d: Distributed) -> None:
    assert_type(await d.counter("c").increment(), int)
    assert_type(await d.lock("l").acquire(), LockGrant)
    assert_type(await d.semaphore("s", 2).acquire(), LockGrant)
    assert_type(await d.election("e").leader(), str | None)
    assert_type(await d.barrier("b").arrive(2), int)


async def mistakes(d: Distributed) -> None:
    users = d.map[str, User]("users")
    await users.get(1)  # type: ignore[call-overload]
    await users.put(1, User("alice"))  # type: ignore[arg-type]
    await users.put("k", "alice")  # type: ignore[arg-type]
    await d.set[str]("names").add(1)  # type: ignore[arg-type]
    await d.register[User]("settings").set("alice")  # type: ignore[arg-type]
    await d.register[User]("settings").compare_and_set(None, "alice")  # type: ignore[arg-type]
    await d.queue[User]("jobs").enqueue("alice")  # type: ignore[arg-type]
    text: str = await d.queue[User]("jobs").dequeue()  # type: ignore[assignment]
    await d.counter(text).increment("1")  # type: ignore[arg-type]
    d.map[str]("users")  # type: ignore[call-overload]


async def scopes(system: ActorSystem) -> None:
    await system.actor(Counter, name="c", scope="cluster")
    await system.actor(Counter, name="c", scope=ClusterScope(replication=3, consistency="all"))
    await system.actor(Counter, name="c", scope="everywhere")  # type: ignore[arg-type]
    ClusterScope(consistency="most")  # type: ignore[arg-type]
    ClusterScope(replication="3")  # type: ignore[arg-type]
