"""`TestProbe` and `TestInbox`: what they take, and what they say when something else came."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorContext, ActorRef, ActorStopped, ActorSystem, Behavior, Behaviors, Terminated
from casty.testing import ManualClock, TestInbox, TestProbe

type Probes = Callable[..., TestProbe[Any]]


@dataclass(frozen=True)
class Opened:
    owner: str


@dataclass(frozen=True)
class Question:
    reply_to: ActorRef[str]


async def stop_at_once(_ctx: ActorContext[str], message: str) -> Behavior[str]:
    if message == "boom":
        raise ValueError(message)
    return Behaviors.stopped()


async def test_expects_by_type_and_by_value(probe: Probes) -> None:
    watcher = probe()
    watcher.ref.tell(Opened("Ada"))
    watcher.ref.tell(Opened("Bob"))
    assert (await watcher.expect_message(Opened)).owner == "Ada"
    assert await watcher.expect_message(Opened("Bob")) == Opened("Bob")


async def test_another_message_fails_and_is_shown(probe: Probes) -> None:
    watcher = probe("watcher")
    for message in (Opened("Ada"), Opened("Bob")):
        watcher.ref.tell(message)
    with pytest.raises(AssertionError, match=r"'/watcher'\) expected a Question, but got Opened\(owner='Ada'\)"):
        await watcher.expect_message(Question)
    with pytest.raises(AssertionError, match=r"expected 'x', but got Opened\(owner='Bob'\)"):
        await watcher.expect_message("x")


async def test_no_message_fails_and_tells_what_came_before(probe: Probes) -> None:
    watcher = probe()
    watcher.ref.tell("a")
    await watcher.receive()
    with pytest.raises(AssertionError, match=r"a Opened, but nothing arrived within 0\.01 s; before that came 'a'$"):
        await watcher.expect_message(Opened, within=0.01)


async def test_a_failure_on_manual_time_names_the_next_timer(
    actor_system: ActorSystem, manual_time: ManualClock
) -> None:
    probe = TestProbe[str](actor_system)
    with pytest.raises(AssertionError, match="stands still, and no timer is running"):
        await probe.receive(within=0.01)
    actor_system.schedule("key", probe.ref, "x", delay=2.0)
    with pytest.raises(AssertionError, match=r"the next timer is due in 2\.0 s: advance the clock"):
        await probe.receive(within=0.01)


async def test_receives_a_number_within_one_time(probe: Probes) -> None:
    watcher = probe()
    for number in range(3):
        watcher.ref.tell(number)
    assert await watcher.receive_n(3) == [0, 1, 2]
    watcher.ref.tell(3)
    with pytest.raises(AssertionError, match=r"message 2 of 2, but nothing arrived within 0\.0"):
        await watcher.receive_n(2, within=0.01)


async def test_fishes_by_type_and_by_predicate(probe: Probes) -> None:
    watcher = probe()
    for message in ("a", Opened("Ada"), "b", "c"):
        watcher.ref.tell(message)
    assert await watcher.fish(Opened) == Opened("Ada")
    assert await watcher.fish(lambda message: message == "c") == "c"
    watcher.ref.tell("d")
    with pytest.raises(AssertionError, match=r"predicate accepts, but nothing arrived .* before that came .*'c', 'd'"):
        await watcher.fish(lambda message: False, within=0.01)


async def test_no_message_is_expected_for_a_while(probe: Probes) -> None:
    watcher = probe()
    before = time.monotonic()
    await watcher.expect_no_message(within=0.02)
    assert time.monotonic() - before >= 0.02
    watcher.ref.tell("x")
    with pytest.raises(AssertionError, match="expected no message, but got 'x'"):
        await watcher.expect_no_message(within=0)


async def test_a_message_that_comes_meanwhile_is_noticed(probe: Probes) -> None:
    watcher = probe()
    asyncio.get_running_loop().call_later(0.01, watcher.ref.tell, "late")
    with pytest.raises(AssertionError, match="got 'late'"):
        await watcher.expect_no_message(within=5.0)


async def test_on_manual_time_no_probe_waits_in_vain() -> None:
    async with ActorSystem(clock=ManualClock()) as system:
        probe = TestProbe[str](system)
        async with asyncio.timeout(20.0):
            await probe.expect_no_message(within=3600.0)
        probe.ref.tell("x")
        with pytest.raises(AssertionError, match="got 'x'"):
            await probe.expect_no_message()


async def test_replies(actor_system: ActorSystem, probe: Probes) -> None:
    service = probe()
    ask = asyncio.ensure_future(actor_system.ask(service.ref, Question))
    await service.reply("yes")
    assert await ask == "yes"
    service.ref.tell(Opened("Ada"))
    with pytest.raises(AssertionError, match=r"cannot reply to Opened\(owner='Ada'\): its reply_to is None"):
        await service.reply("yes")


async def test_watches_and_tells_the_reason(actor_system: ActorSystem, probe: Probes) -> None:
    watcher, ref = probe(), actor_system.spawn(Behaviors.receive(stop_at_once))
    watcher.watch(ref)
    ref.tell("boom")
    assert isinstance((await watcher.expect_terminated(ref)).reason, ValueError)
    assert await watcher.expect_terminated(ref) == Terminated(ref)


async def test_the_end_of_another_is_not_taken_for_it(actor_system: ActorSystem, probe: Probes) -> None:
    watcher = probe()
    alive, dead = (actor_system.spawn(Behaviors.receive(stop_at_once), name) for name in ("alive", "dead"))
    watcher.watch(dead)
    dead.tell("stop")
    with pytest.raises(AssertionError, match=r"the end of /alive, but got Terminated\(.*/dead"):
        await watcher.expect_terminated(alive)
    with pytest.raises(AssertionError, match="waited for the end of /alive, but nothing arrived"):
        await watcher.expect_terminated(alive, within=0.01)


async def test_unwatches(actor_system: ActorSystem, probe: Probes) -> None:
    watcher, ref = probe(), actor_system.spawn(Behaviors.receive(stop_at_once))
    watcher.watch(ref)
    watcher.unwatch(ref)
    ref.tell("stop")
    await watcher.expect_no_message(within=0)


async def test_events_come_like_messages(actor_system: ActorSystem, probe: Probes) -> None:
    events, ref = probe(), actor_system.spawn(Behaviors.receive(stop_at_once))
    subscription = events.subscribe(ActorStopped)
    ref.tell("stop")
    assert (await events.expect_message(ActorStopped)).ref is ref
    subscription.cancel()
    actor_system.spawn(Behaviors.receive(stop_at_once)).tell("stop")
    await events.expect_no_message(within=0)


async def test_can_be_watched_and_stopped(actor_system: ActorSystem, probe: Probes) -> None:
    watcher, watched = probe(), probe()
    watched.ref.tell("x")
    watcher.watch(watched.ref)
    await watched.expect_message("x")
    watched.stop()
    await watcher.expect_terminated(watched.ref)


def test_an_inbox_needs_no_event_loop() -> None:
    inbox = TestInbox[object]()
    for message in ("a", Opened("Ada"), "b", "c"):
        inbox.ref.tell(message)
    inbox.expect_message("a")
    assert inbox.expect_message(Opened).owner == "Ada"
    assert inbox.receive() == "b"
    assert inbox.has_messages
    with pytest.raises(AssertionError, match="no message, but there is 'c'"):
        inbox.expect_no_message()
    with pytest.raises(AssertionError, match="expected a Opened, but there is 'c'"):
        inbox.expect_message(Opened)
    assert inbox.receive_all() == ["c"]
    inbox.expect_no_message()
    with pytest.raises(AssertionError, match=r"'/inbox'\) is empty"):
        inbox.receive()
    with pytest.raises(AssertionError, match="expected 'd', but there is nothing"):
        inbox.expect_message("d")


def test_inboxes_have_addresses_of_their_own() -> None:
    first, second = TestInbox[str](), TestInbox[str]()
    assert first.ref != second.ref
    assert len({first.ref, second.ref, first.ref}) == 2
