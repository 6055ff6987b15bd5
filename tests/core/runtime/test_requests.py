"""Messages that carry the type of their reply."""

import asyncio
from dataclasses import InitVar, dataclass
from typing import Any

import pytest
from casty import ActorContext, ActorRef, ActorStoppedError, ActorSystem, Behavior, Behaviors, Request
from casty.request import NO_RECEIVER
from casty.testing import TestProbe


@dataclass(frozen=True)
class Repeat(Request[str]):
    text: str
    times: int = 2


@dataclass(frozen=True, slots=True)
class Slotted(Request[str]):
    text: str


@dataclass(frozen=True)
class Derived(Request[str]):
    text: str = ""
    again: InitVar[int] = 1

    def __post_init__(self, again: int) -> None:
        object.__setattr__(self, "text", self.text * again)


class Plain(Request[str]):
    """A request without fields needs no decorator."""


type Message = Repeat | Slotted | Derived | Plain


def parrot() -> Behavior[Message]:
    async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        match message:
            case Repeat(text, times, reply_to=reply_to):
                reply_to.tell(text * times)
            case Slotted(text) | Derived(text):
                message.reply_to.tell(text)
            case Plain():
                message.reply_to.tell("plain")
        return Behaviors.same()

    return Behaviors.receive(receive)


async def test_an_ask_fills_in_where_the_reply_goes(system: ActorSystem) -> None:
    ref = system.spawn(parrot())
    assert await ref.ask(Repeat("ab")) == "abab"
    assert await ref.ask(Repeat("ab", 1), timeout=1.0) == "ab"
    assert await system.ask(ref, Repeat("ab", times=3)) == "ababab"
    assert await system.ask_or_none(ref, Slotted("slots")) == "slots"
    assert await ref.ask(Derived("ab", again=2)) == "abab"
    assert await ref.ask(Plain()) == "plain"


async def test_one_request_may_be_asked_many_times_at_once(system: ActorSystem) -> None:
    ref, request = system.spawn(parrot()), Repeat("x")
    assert await asyncio.gather(*[ref.ask(request) for _ in range(100)]) == ["xx"] * 100
    assert request.reply_to is NO_RECEIVER


async def test_a_reference_also_asks_by_a_function(system: ActorSystem) -> None:
    ref = system.spawn(parrot())
    assert await ref.ask(lambda reply_to: Repeat("ab", reply_to=reply_to)) == "abab"


async def test_a_request_sent_by_tell_may_name_its_receiver(system: ActorSystem) -> None:
    ref, probe = system.spawn(parrot()), TestProbe[str](system)
    ref.tell(Repeat("ab"))  # its reply goes nowhere, and does no harm
    ref.tell(Repeat("cd", reply_to=probe.ref))
    assert await probe.receive() == "cdcd"


async def test_an_actor_asks_by_a_request(system: ActorSystem) -> None:
    probe, ref = TestProbe[str](system), system.spawn(parrot())

    async def receive(ctx: ActorContext[str], message: str) -> Behavior[str]:
        if message == "ask":
            ctx.ask(ref, Repeat("ab"), str.upper)
        else:
            probe.ref.tell(message)
        return Behaviors.same()

    system.spawn(Behaviors.receive(receive)).tell("ask")
    assert await probe.receive() == "ABAB"


async def test_an_ask_by_a_request_fails_like_any_other(system: ActorSystem) -> None:
    async def stop(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
        return Behaviors.stopped()

    ref = system.spawn(Behaviors.receive(stop))
    with pytest.raises(ActorStoppedError):
        await ref.ask(Repeat("ab"))
    with pytest.raises(ActorStoppedError):
        await ref.ask(Repeat("ab"))


def test_requests_are_equal_by_what_they_ask() -> None:
    asked = Repeat("ab")(NO_RECEIVER)
    assert asked == Repeat("ab")
    assert repr(asked) == "Repeat(text='ab', times=2)"
    assert hash(asked) == hash(Repeat("ab"))


async def test_a_request_travels_with_its_reply_reference_or_without_one(system: ActorSystem) -> None:
    serializer, probe = system.serializer, TestProbe[str](system)
    named: Any = serializer.loads(serializer.dumps(Repeat("ab", reply_to=probe.ref)))
    assert named == Repeat("ab")
    assert named.reply_to is probe.ref
    told: Any = serializer.loads(serializer.dumps(Repeat("ab")))
    assert told.reply_to is NO_RECEIVER


async def test_a_reference_without_a_system_says_that_it_cannot_ask() -> None:
    detached: ActorRef[Any] = NO_RECEIVER
    with pytest.raises(RuntimeError, match=r"system\.ask\(ref, request\)"):
        await detached.ask(Repeat("ab"))
