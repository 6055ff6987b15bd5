"""How routers choose: the strategies, each by what it promises."""

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from casty import (
    ActorSystem,
    BehaviorError,
    Behaviors,
    ConsistentHashing,
    DeadLetter,
    LeastMailbox,
    RandomChoice,
    RouterRef,
)
from casty.address import ActorAddress
from casty.ref import DetachedRef
from casty.runtime.routing.ring import Ring, hash_of
from casty.testing import settle

from tests.core.routing.workers import GetPath, Hold, Message, Stop, Workers
from tests.core.runtime.probe import Events

KEYS = [f"key {number}" for number in range(10_000)]


def by_key(message: Any) -> str:
    return message.key if isinstance(message, GetPath) else str(message)


def ring(*names: str) -> Ring:
    return Ring([DetachedRef(ActorAddress(system="test", path=f"/{name}")) for name in names])


def owner(of: Ring, key: str) -> str:
    return next(of.beginning_at(hash_of(str, key))).address.path


async def test_random_choice_reaches_every_routee_about_as_often(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(4, workers, routing=RandomChoice()))
    await settle()
    for text in KEYS:
        pool.tell(text)
    await settle()
    counts = Counter(path for path, _ in workers.seen)
    assert len(counts) == 4
    assert min(counts.values()) > 2_000  # 11 standard deviations below the mean


async def test_the_least_mailbox_gets_the_message(system: ActorSystem) -> None:
    gate = asyncio.Event()
    pool = system.spawn(Behaviors.pool(3, Workers(), routing=LeastMailbox()), "pool")
    await settle()
    for _ in range(2):
        await pool.ask(Hold(until=gate))
    # Two are busy, and the idle one has every ask.
    assert {await pool.ask(GetPath()) for _ in range(5)} == {"/pool/3"}
    await pool.ask(Hold(until=gate))
    for _ in range(6):
        pool.tell("text")
    waiting = [routee.mailbox for routee in system.snapshot().actors[0].children]
    gate.set()
    assert waiting == [2, 2, 2]


async def test_idle_routees_share_the_work(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(3, workers, routing=LeastMailbox()))
    await settle()
    for _ in range(9):
        pool.tell("text")
        await settle()
    assert set(Counter(path for path, _ in workers.seen).values()) == {3}


async def test_many_mailboxes_are_compared_in_portions(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(1_000, workers, routing=LeastMailbox()))
    await settle()
    for number in range(2_000):
        pool.tell(str(number))
    await settle()
    assert len(workers.seen) == 2_000
    assert len({path for path, _ in workers.seen}) > 900


async def keyed(pool: RouterRef[Message], keys: list[str]) -> dict[str, str]:
    return {key: await pool.ask(GetPath(key)) for key in keys}


async def test_equal_keys_go_to_the_same_routee(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(5, Workers(), routing=ConsistentHashing(by_key)), "pool")
    await settle()
    first = await keyed(pool, KEYS[:500])
    assert await keyed(pool, KEYS[:500]) == first
    assert len(set(first.values())) == 5


async def test_keys_of_a_routee_that_stops_move_and_no_others(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(5, Workers(), routing=ConsistentHashing(by_key)), "pool")
    await settle()
    before = await keyed(pool, KEYS[:500])
    stopping = Stop()
    stopped = await pool.ask(GetPath(str(stopping)))
    pool.tell(stopping)
    await settle()
    after = await keyed(pool, KEYS[:500])
    moved = {key for key in before if before[key] != after[key]}
    assert moved == {key for key, path in before.items() if path == stopped}
    assert len({after[key] for key in moved}) == 4


def test_keys_are_spread_evenly_and_move_only_to_a_newcomer() -> None:
    few, more = ring("a", "b", "c", "d"), ring("a", "b", "c", "d", "e")
    counts = Counter(owner(few, key) for key in KEYS)
    assert all(1_500 < count < 3_500 for count in counts.values())
    moved = [key for key in KEYS if owner(few, key) != owner(more, key)]
    assert 1_000 < len(moved) < 3_000
    assert {owner(more, key) for key in moved} == {"/e"}


def test_the_order_of_the_routees_does_not_matter() -> None:
    one, other = ring("a", "b", "c"), ring("c", "a", "b")
    assert [owner(one, key) for key in KEYS] == [owner(other, key) for key in KEYS]


def test_other_processes_place_keys_alike() -> None:
    program = "from casty.runtime.routing.ring import hash_of; print(hash_of(str, 'alice'), hash_of(lambda _: 7, None))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{hash_of(str, 'alice')} {hash_of(lambda _: 7, None)}\n".encode()}


def test_texts_numbers_and_bytes_are_keys() -> None:
    keys: list[Any] = ["", "alice", "a\ud800", b"\xff", 7, -1, 2**200]
    assert len({hash_of(lambda key: key, key) for key in keys}) == len(keys)


@pytest.mark.parametrize("given", [None, 1.5, ("a", 1), ["a"]])
async def test_a_key_that_is_none_is_refused(system: ActorSystem, given: Any) -> None:
    pool = system.spawn(Behaviors.pool(2, Workers(), routing=ConsistentHashing(lambda message: given)))
    for _ in range(2):  # by the pool that starts, and past it
        with pytest.raises(Exception, match="a key is a text, a whole number or bytes") as raised:
            await pool.ask(GetPath())
        assert isinstance(raised.value.__cause__ or raised.value, BehaviorError)
    dead = Events(system, DeadLetter)
    pool.tell("text")
    assert [letter.message for letter in dead.seen] == ["text"]


async def test_a_key_function_that_raises_refuses_its_message_only(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(2, workers, routing=ConsistentHashing[Any](lambda message: message.key)))
    dead = Events(system, DeadLetter)
    await settle()
    pool.tell("a text has no key")
    assert "failed on str" in dead.seen[0].reason
    assert await pool.ask(GetPath("alice"))
