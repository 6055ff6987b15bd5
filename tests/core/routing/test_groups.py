"""Groups: routers whose routees are the actors registered under a key."""

import asyncio
import logging
from typing import Any

import pytest
from casty import (
    ActorFailedError,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Deregister,
    Listing,
    Mailbox,
    Register,
    RoundRobin,
    RouterRef,
    ServiceInstance,
    ServiceKey,
)
from casty.extension import restart
from casty.runtime.context import STASH_CAPACITY
from casty.runtime.receptionist import HERE
from casty.runtime.routing.group import PATIENCE
from casty.testing import ManualClock, settle

from tests.core.routing.workers import Boom, GetPath, Message, Stop, Workers, failing
from tests.core.runtime.probe import Events

KEY = ServiceKey[Message]("workers")


def worker(workers: Workers) -> Behavior[Message]:
    return Behaviors.discoverable(workers(), KEY)


def in_turn(system: ActorSystem, mailbox: Mailbox | None = None) -> RouterRef[Message]:
    return system.spawn(Behaviors.group(KEY, routing=RoundRobin()), "group", mailbox=mailbox)


async def test_messages_go_to_the_actors_registered_under_the_key(system: ActorSystem) -> None:
    group, workers = in_turn(system), Workers()
    for name in "ab":
        system.spawn(worker(workers), name)
    system.spawn(Behaviors.discoverable(workers(), ServiceKey[Message]("others")), "c")
    await settle()
    assert sorted([await group.ask(GetPath()) for _ in range(4)]) == ["/a", "/a", "/b", "/b"]
    group.broadcast("all")
    await settle()
    assert sorted(workers.seen) == [("/a", "all"), ("/b", "all")]


async def test_a_group_follows_registrations(system: ActorSystem) -> None:
    group, workers = in_turn(system), Workers()
    first, second = (system.spawn(workers(), name) for name in "ab")
    system.receptionist.tell(Register(KEY, first))
    await settle()
    assert {await group.ask(GetPath()) for _ in range(3)} == {"/a"}
    system.receptionist.tell(Register(KEY, second))
    system.receptionist.tell(Register(KEY, second))
    await settle()
    assert {await group.ask(GetPath()) for _ in range(3)} == {"/a", "/b"}
    system.receptionist.tell(Deregister(KEY, first))
    await settle()
    assert {await group.ask(GetPath()) for _ in range(3)} == {"/b"}
    second.tell(Stop())
    assert system.spawn(worker(workers), "c")
    await settle()
    assert {await group.ask(GetPath()) for _ in range(3)} == {"/c"}


async def test_messages_from_before_the_first_routee_wait_for_it_in_order(system: ActorSystem) -> None:
    group, workers = in_turn(system), Workers()
    sent = [str(number) for number in range(STASH_CAPACITY)]
    for text in sent[:-1]:
        group.tell(text)
    group.broadcast(sent[-1])
    asking = asyncio.ensure_future(group.ask(GetPath()))
    await settle()
    system.spawn(worker(workers), "a")
    await settle()
    assert workers.texts == sent
    with pytest.raises(ActorStoppedError, match="no actor is registered under 'workers'"):
        await asking  # it was one too many


async def test_a_group_without_routees_says_so_and_refuses_what_has_waited(
    system: ActorSystem, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    group = in_turn(system)
    await settle()
    dead = Events(system, DeadLetter)
    with caplog.at_level(logging.WARNING):
        group.tell("one")
        asking = asyncio.ensure_future(group.ask(GetPath(), timeout=5.0))
        await settle()
    assert "/group has no routees: no actor is registered under 'workers'" in caplog.text
    assert not dead.seen
    await clock.advance(PATIENCE)
    with pytest.raises(ActorStoppedError, match=r"registered under 'workers'; spawn one with Behaviors\.discoverable"):
        await asking
    group.tell("two")
    group.broadcast("three")
    await settle()
    assert [letter.message for letter in dead.seen if isinstance(letter.message, str)] == ["one", "two", "three"]


async def test_a_group_that_refused_messages_takes_them_again_with_the_next_routee(
    system: ActorSystem, clock: ManualClock
) -> None:
    group, workers = in_turn(system), Workers()
    for _ in range(2):
        group.tell("lost")
        await settle()
        await clock.advance(PATIENCE)
        await settle()
        routee = system.spawn(worker(workers), "a")
        await settle()
        assert await group.ask(GetPath()) == "/a"
        routee.tell(Stop())
        await settle()
        group.tell("kept")
        await settle()
        system.spawn(worker(workers), "a")
        await settle()
        await clock.advance(PATIENCE)
        assert await group.ask(GetPath()) == "/a"
        group.tell(Stop())
        await settle()
    assert workers.texts == ["kept", "kept"]


async def test_a_full_mailbox_loses_no_change_of_the_routees(system: ActorSystem) -> None:
    workers = Workers()
    group = in_turn(system, Mailbox(capacity=1))
    routee = system.spawn(workers(), "a")
    await settle()
    listener = system.lookup("/group/_listener")
    assert listener is not None
    listener.tell(Listing(KEY, (ServiceInstance(routee, HERE),)))
    group.tell("fills the mailbox before the listener has its turn")
    await settle()
    assert await group.ask(GetPath()) == "/a"


async def test_an_ask_fails_as_soon_as_its_routee_does(system: ActorSystem) -> None:
    group = in_turn(system)
    asking = asyncio.ensure_future(group.ask(failing, timeout=60.0))
    await settle()
    system.spawn(worker(Workers()), "a")
    with pytest.raises(ActorFailedError, match="/a failed on Fail"):
        await asking


async def test_a_group_that_restarts_subscribes_anew(system: ActorSystem) -> None:
    group, workers = in_turn(system), Workers()
    system.spawn(worker(workers), "a")
    await settle()
    stopped = Events(system, ActorStopped)
    ref: Any = group
    restart(ref, Boom())
    group.tell("during")
    await settle()
    assert workers.texts == ["during"]
    assert [ended.ref.address.path for ended in stopped.seen] == ["/group/_listener"]
    system.spawn(worker(workers), "b")
    await settle()
    assert {await group.ask(GetPath()) for _ in range(2)} == {"/a", "/b"}


async def test_the_listener_of_a_group_is_hidden(system: ActorSystem) -> None:
    found: list[Any] = []

    async def setup(ctx: Any) -> Behavior[Any]:
        found.append(ctx.children)
        return Behaviors.group(KEY)

    system.spawn(Behaviors.setup(setup))
    await settle()
    assert not found[0]


async def test_a_group_is_no_routee_of_itself(system: ActorSystem) -> None:
    workers = Workers()
    group = system.spawn(Behaviors.discoverable(Behaviors.group(KEY), KEY), "group")
    await settle()
    group.tell("waits")
    system.spawn(worker(workers), "a")
    await settle()
    assert workers.texts == ["waits"]
    assert {await group.ask(GetPath()) for _ in range(20)} == {"/a"}


async def test_groups_that_are_routees_of_each_other_refuse_their_messages(system: ActorSystem) -> None:
    keys = ServiceKey[Message]("one"), ServiceKey[Message]("two")
    one: Behavior[Message] = Behaviors.discoverable(Behaviors.group(keys[0]), keys[1])
    two: Behavior[Message] = Behaviors.discoverable(Behaviors.group(keys[1]), keys[0])
    group = system.spawn(one, "one")
    system.spawn(two, "two")
    await settle()
    dead = Events(system, DeadLetter)
    group.tell("round and round")
    assert [letter.message for letter in dead.seen] == ["round and round"]
    assert "leads back to itself" in dead.seen[0].reason


async def test_a_pool_may_be_a_routee(system: ActorSystem) -> None:
    group = in_turn(system)
    system.spawn(Behaviors.discoverable(Behaviors.pool(2, Workers()), KEY), "pool")
    await settle()
    assert [await group.ask(GetPath()) for _ in range(3)] == ["/pool/1", "/pool/2", "/pool/1"]
