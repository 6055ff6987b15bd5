"""Message adapters: plain references, that cost the same at the ten-thousandth use as at the first."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from casty import (
    ActorFailedError,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    OneForOneStrategy,
)
from casty.runtime.cell import LocalRef
from casty.runtime.extras import CellExtras
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, Question, does


def extras_of(ref: ActorRef[str]) -> CellExtras:
    assert isinstance(ref, LocalRef)
    return ref.cell.own_extras()


async def made(system: ActorSystem, *functions: Callable[[int], str]) -> tuple[ActorRef[str], list[ActorRef[int]]]:
    """An actor, and the adapters that it makes of these functions."""
    adapters: list[ActorRef[int]] = []
    ref = system.spawn(does(lambda ctx, message: adapters.extend(map(ctx.message_adapter, functions))), "owner")
    ref.tell("x")
    await settle()
    return ref, adapters


async def test_an_adapter_is_no_child(system: ActorSystem) -> None:
    ref, _ = await made(system, str)
    assert extras_of(ref).children == {}


async def test_one_function_makes_one_adapter(system: ActorSystem) -> None:
    _, adapters = await made(system, str, str, oct)
    assert adapters[0] is adapters[1]
    assert adapters[0] != adapters[2]


async def test_a_lambda_that_a_handler_makes_anew_is_the_same_adapter(system: ActorSystem) -> None:
    adapters: list[ActorRef[int]] = []
    ref = system.spawn(does(lambda ctx, m: adapters.append(ctx.message_adapter(lambda number: f"{number}"))))
    for _ in range(3):
        ref.tell("x")
    await settle()
    assert len(set(adapters)) == 1


async def test_functions_that_hold_different_values_are_different_adapters(system: ActorSystem) -> None:
    def holding(text: str) -> Callable[[int], str]:
        return lambda number: f"{text}{number}"

    probe, adapters = TestProbe[str](system), list[ActorRef[int]]()

    def action(ctx: Ctx, message: str) -> None:
        if message in "ab":
            adapters.append(ctx.message_adapter(holding(message)))
        else:
            probe.ref.tell(message)

    ref = system.spawn(does(action))
    for name in "ab":
        ref.tell(name)
    await settle()
    for adapter in adapters:
        adapter.tell(1)
    assert [await probe.receive() for _ in range(2)] == ["a1", "b1"]


async def test_adapters_that_nothing_refers_to_are_gone(system: ActorSystem) -> None:
    def holding(number: int) -> Callable[[int], str]:
        return lambda other: f"{number}{other}"

    seen: list[weakref.ref[ActorRef[int]]] = []
    ref = system.spawn(does(lambda ctx, m: seen.append(weakref.ref(ctx.message_adapter(holding(int(m)))))))
    for number in range(1_000):
        ref.tell(str(number))
    await settle()
    gc.collect()
    assert [adapter for adapter in seen if adapter() is not None] == []
    assert len(extras_of(ref).adapters or ()) == 0


async def test_an_adapter_with_an_address_is_found_by_it_until_its_incarnation_ends(system: ActorSystem) -> None:
    ref, adapters = await made(system, str)
    address = adapters.pop().address
    gc.collect()
    assert system.resolve(address).address == address
    found = system.resolve(address)
    assert found is system.resolve(address)
    ref.tell("stop")
    await settle()
    letters = Events(system, DeadLetter)
    for late in (found, system.resolve(address)):
        late.tell(1)
    assert [letter.message for letter in letters.seen] == [1, 1]
    assert extras_of(ref).exported == {}


async def test_an_adapter_of_an_earlier_incarnation_leads_to_dead_letters(system: ActorSystem) -> None:
    letters, adapters = Events(system, DeadLetter), list[ActorRef[int]]()

    def action(ctx: Ctx, message: str) -> None:
        adapters.append(ctx.message_adapter(str))
        raise Boom

    system.spawn(Behaviors.supervise(does(action), OneForOneStrategy())).tell("x")
    await settle()
    adapters[0].tell(1)
    assert [letter.message for letter in letters.seen] == [1]


async def test_an_adapter_can_be_asked(system: ActorSystem) -> None:
    def action(_ctx: Ctx, _message: str) -> None:
        replies.pop().tell("answer")

    replies: list[ActorRef[str]] = []

    def adapt(reply_to: ActorRef[str]) -> str:
        replies.append(reply_to)
        return "question"

    adapters: list[ActorRef[ActorRef[str]]] = []
    system.spawn(does(lambda ctx, m: action(ctx, m) if replies else adapters.append(ctx.message_adapter(adapt)))).tell(
        "x"
    )
    await settle()
    async with asyncio.timeout(60.0):
        assert await system.ask(adapters[0], lambda reply_to: reply_to) == "answer"


def fails(_question: Question) -> str:
    raise Boom


def asked(question: Question) -> str:
    return question.text


@pytest.mark.parametrize(
    ("adapt", "text", "error"),
    [
        (fails, "", "failed on Question: Boom"),
        (asked, "fail", "failed on str: Boom"),
        (asked, "stop", "stopped without answering"),
        (asked, "drop", "the mailbox of /owner is full"),
    ],
)
async def test_an_ask_of_an_adapter_fails_as_soon_as_no_reply_can_come(
    system: ActorSystem, adapt: Callable[[Question], str], text: str, error: str
) -> None:
    adapters = list[ActorRef[Question]]()
    gate = asyncio.Event()

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        match message:
            case "adapt":
                adapters.append(ctx.message_adapter(adapt))
            case "wait":
                await gate.wait()
            case "fail":
                raise Boom
            case _:
                return Behaviors.stopped()
        return Behaviors.same()

    owner = system.spawn(Behaviors.receive(handler), "owner", mailbox=Mailbox(1))
    owner.tell("adapt")
    await settle()
    if text == "drop":
        owner.tell("wait")
        await settle()
        owner.tell("stop")
    with pytest.raises((ActorFailedError, ActorStoppedError, MailboxFullError), match=error):
        await system.ask(adapters[0], lambda reply_to: Question(reply_to, text), timeout=30.0)
    gate.set()


async def test_an_adapter_whose_actor_has_stopped_fails_an_ask_at_once(system: ActorSystem) -> None:
    ref, (adapter,) = await made(system, str)
    ref.tell("stop")
    await settle()
    with pytest.raises(ActorStoppedError, match="the actor has stopped"):
        await system.ask(adapter, lambda _: 1, timeout=30.0)
