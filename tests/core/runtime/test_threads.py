"""Calls from other threads: those that are meant for them, and the others, which are refused."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorFailedError,
    ActorRef,
    ActorSystem,
    Behavior,
    Behaviors,
    CastyConfig,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    MailboxOverflowStrategy,
    SystemStoppedError,
)
from casty.config import SystemConfig
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Events, Question, echo, questioning


async def silent(_ctx: ActorContext[Question], _question: Question) -> Behavior[Question]:
    return Behaviors.same()


async def replied(future: concurrent.futures.Future[str]) -> str:
    return await asyncio.wait_for(asyncio.wrap_future(future), 5.0)


async def test_a_thread_tells_an_actor_while_the_loop_sleeps(system: ActorSystem) -> None:
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handler(_ctx: ActorContext[str], message: str) -> Behavior[str]:
        told.set_result(message)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    thread = threading.Thread(target=system.tell_threadsafe, args=(ref, "measured"))
    thread.start()
    # Nothing else wakes the loop.
    assert await asyncio.wait_for(told, 60.0) == "measured"
    thread.join()


async def test_a_thread_asks_an_actor(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(echo))

    def work() -> str:
        return system.ask_threadsafe(ref, questioning("x"), 5.0).result(5.0)

    assert await asyncio.to_thread(work) == "x"


async def test_an_ask_of_a_thread_fails_as_any_other(system: ActorSystem) -> None:
    async def failing(_ctx: ActorContext[Question], _question: Question) -> Behavior[Question]:
        raise Boom

    with pytest.raises(ActorFailedError):
        await replied(system.ask_threadsafe(system.spawn(Behaviors.receive(failing)), Question))
    with pytest.raises(TimeoutError, match="Question within"):
        await replied(system.ask_threadsafe(system.spawn(Behaviors.receive(silent)), Question, 0.01))


async def test_a_cancelled_future_cancels_the_ask(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(silent))
    early, late = (system.ask_threadsafe(ref, Question, 30.0) for _ in range(2))
    assert early.cancel()
    await settle()
    assert [task.get_name() for task in asyncio.all_tasks()].count("casty-ask-threadsafe") == 1
    assert await asyncio.to_thread(late.cancel)
    await settle()
    assert [task.get_name() for task in asyncio.all_tasks()].count("casty-ask-threadsafe") == 0


async def test_what_a_shutdown_leaves_undone_fails() -> None:
    system = await ActorSystem("threads").__aenter__()
    letters = Events(system, DeadLetter)
    kept: list[ActorRef[str]] = []

    async def keep(_ctx: ActorContext[Question], question: Question) -> Behavior[Question]:
        kept.append(question.reply_to)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(keep))
    dropped = system.spawn(Behaviors.receive(silent))
    futures = [system.ask_threadsafe(ref, Question, 30.0), system.ask_threadsafe(dropped, Question, 30.0)]
    await settle()
    unstarted = system.ask_threadsafe(ref, Question, 30.0)
    system.tell_threadsafe(ref, Question(system.spawn(Behaviors.ignore()), "late"))
    await system.shutdown()
    refused = system.ask_threadsafe(ref, Question, 30.0)
    for future in (*futures, unstarted, refused):
        with pytest.raises(SystemStoppedError, match="'threads'"):
            await replied(future)
    with pytest.raises(SystemStoppedError):
        system.tell_threadsafe(ref, Question(kept[0]))
    assert len(letters.seen) == 2  # of the tell, and of the ask that had not begun


async def test_a_system_that_is_stopping_takes_no_new_asks_of_threads() -> None:
    refused: list[concurrent.futures.Future[str]] = []
    at_once: list[bool] = []
    system = await ActorSystem().__aenter__()

    async def late(ctx: ActorContext[Question]) -> None:
        refused.append(system.ask_threadsafe(ctx.self, Question))
        at_once.append(refused[0].done())

    system.spawn(Behaviors.with_lifecycle(Behaviors.receive(silent), post_stop=late))
    await system.shutdown()
    with pytest.raises(SystemStoppedError):
        await replied(refused[0])
    assert at_once == [True]


async def test_an_ask_of_a_thread_whose_loop_has_ended_fails() -> None:
    left: list[Any] = []

    async def abandon() -> None:
        config = CastyConfig(system=SystemConfig(slow_handler_seconds=None))  # no watchdog, which would be left too
        system = await ActorSystem(config=config).__aenter__()
        left.extend((system, system.spawn(Behaviors.receive(echo))))

    await asyncio.to_thread(lambda: asyncio.run(abandon()))
    system, ref = left
    with pytest.raises(SystemStoppedError):
        system.ask_threadsafe(ref, Question).result(1.0)
    with pytest.raises(SystemStoppedError):
        system.tell_threadsafe(ref, None)


@pytest.mark.parametrize("debug", [False, True])
async def test_a_plain_call_of_a_thread_is_refused_with_a_word(system: ActorSystem, debug: bool) -> None:
    asyncio.get_running_loop().set_debug(debug)
    replies: list[ActorRef[str]] = []

    async def keep(_ctx: ActorContext[Question], question: Question) -> Behavior[Question]:
        replies.append(question.reply_to)
        return Behaviors.same()

    probe, ref = TestProbe[str](system), system.spawn(Behaviors.receive(echo))
    ask = asyncio.ensure_future(system.ask(system.spawn(Behaviors.receive(keep)), Question))
    await settle()
    calls: list[Callable[[], object]] = [
        lambda: ref.tell(Question(probe.ref)),
        lambda: replies[0].tell("done"),
        lambda: system.schedule("key", ref, Question(probe.ref), delay=0.0),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match=r"use system\.tell_threadsafe\(ref, message\)"):
            await asyncio.to_thread(call)
    await asyncio.to_thread(system.tell_threadsafe, replies[0], "done")
    assert await ask == "done"
    assert await system.ask(ref, questioning("well")) == "well"


async def test_what_a_full_mailbox_does_not_take_of_a_thread_is_a_dead_letter(system: ActorSystem) -> None:
    gate, letters = asyncio.Event(), Events(system, DeadLetter)

    async def handler(_ctx: ActorContext[str], _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), mailbox=Mailbox(1, MailboxOverflowStrategy.reject))
    for message in "abc":
        system.tell_threadsafe(ref, message)
        await settle()
    assert [letter.message for letter in letters.seen] == ["c"]
    with pytest.raises(MailboxFullError):
        ref.tell("d")
    gate.set()
