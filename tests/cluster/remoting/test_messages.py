"""Tells and asks between actors of two nodes."""

import asyncio
import gc
import weakref
from dataclasses import dataclass
from typing import Any, cast

import pytest
from casty import (
    ActorContext,
    ActorFailedError,
    ActorRef,
    ActorStoppedError,
    Behavior,
    Behaviors,
    DeadLetter,
    EncodeError,
    InMemoryJournal,
    Mailbox,
    MailboxFullError,
    Request,
)
from casty.errors import FencedError
from casty.request import NO_RECEIVER
from casty.runtime.cell import LocalRef
from casty.testing import TestProbe

from tests.cluster.remoting.pair import Side
from tests.cluster.system.waiting import until

type Nodes = tuple[Side, Side]


@dataclass(frozen=True)
class Greet:
    name: str
    reply_to: ActorRef[str]


@dataclass(frozen=True)
class Hail(Request[str]):
    name: str


@dataclass(frozen=True)
class Unwritable:
    what: object


def greeter() -> Behavior[Greet]:
    async def receive(ctx: ActorContext[Greet], message: Greet) -> Behavior[Greet]:
        match message.name:
            case "raise":
                raise ValueError("I am broken")
            case "stop":
                return Behaviors.stopped()
            case "silence":
                pass
            case name:
                message.reply_to.tell(f"hello {name}")
        return Behaviors.same()

    return Behaviors.receive(receive)


def added(total: int, amount: int) -> int:
    return total + amount


def at(side: Side, ref: ActorRef[Any]) -> ActorRef[Any]:
    """The reference as it arrives on that node."""
    serializer = side.system.serializer
    arrived = serializer.loads(serializer.dumps(ref))
    assert isinstance(arrived, ActorRef)
    return cast(ActorRef[Any], arrived)


async def test_a_reference_travels_and_answers_from_anywhere(nodes: Nodes) -> None:
    here, there = nodes
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    assert await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to)) == "hello anna"


async def test_a_request_is_answered_by_another_node(nodes: Nodes) -> None:
    here, there = nodes

    async def receive(ctx: ActorContext[Hail], message: Hail) -> Behavior[Hail]:
        message.reply_to.tell(f"hello {message.name}")
        return Behaviors.same()

    ref: ActorRef[Hail] = at(here, there.system.spawn(Behaviors.receive(receive), "hailed"))
    hail = Hail("anna")
    assert await ref.ask(hail) == "hello anna"
    assert await here.system.ask(ref, hail) == "hello anna"
    ref.tell(hail)  # its reply goes nowhere, there as here
    assert await ref.ask(Hail("bob")) == "hello bob"


async def test_a_reference_that_comes_home_is_the_actor_itself(nodes: Nodes) -> None:
    here, there = nodes
    ref = here.system.spawn(greeter(), "greeter")
    assert at(here, at(there, ref)) is ref
    assert at(there, ref) == ref
    assert hash(at(there, ref)) == hash(ref)


async def test_messages_of_one_sender_arrive_in_order(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[int](there.system)
    ref = at(here, probe.ref)
    for number in range(500):
        ref.tell(number)
    assert [await probe.expect_message(int) for _ in range(500)] == list(range(500))


async def test_what_the_network_loses_is_not_sent_again(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[str](there.system)
    ref = at(here, probe.ref)
    here.cable.cut = True
    ref.tell("lost")
    here.cable.cut = False
    ref.tell("sent after it")
    assert await probe.expect_message(str) == "sent after it"


async def test_a_message_that_is_forwarded_is_answered_to_its_asker(nodes: Nodes) -> None:
    here, there = nodes
    greeting = here.system.spawn(greeter(), "greeter")

    async def forward(ctx: ActorContext[Greet], message: Greet) -> Behavior[Greet]:
        at(there, greeting).tell(message)
        return Behaviors.same()

    forwarder = at(here, there.system.spawn(Behaviors.receive(forward), "forwarder"))
    assert await here.system.ask(forwarder, lambda reply_to: Greet("bob", reply_to)) == "hello bob"


@pytest.mark.parametrize(
    ("name", "error"), [("raise", ActorFailedError), ("stop", ActorStoppedError)], ids=["raises", "stops"]
)
async def test_an_ask_that_its_target_cannot_answer_fails_at_once(
    nodes: Nodes, name: str, error: type[Exception]
) -> None:
    here, there = nodes
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    with pytest.raises(error, match="/greeter"):
        await here.system.ask(ref, lambda reply_to: Greet(name, reply_to), timeout=50.0)


async def test_an_ask_of_an_actor_that_is_gone_fails_at_once_and_leaves_a_dead_letter_there(nodes: Nodes) -> None:
    here, there = nodes
    letters: list[DeadLetter] = []
    there.system.event_stream.subscribe(DeadLetter, letters.append)
    actor = there.system.spawn(greeter(), "greeter")
    ref = at(here, actor)
    with pytest.raises(ActorStoppedError):
        await here.system.ask(ref, lambda reply_to: Greet("stop", reply_to))
    with pytest.raises(ActorStoppedError, match="no living actor"):
        await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to), timeout=50.0)
    assert [type(letter.message) for letter in letters] == [Greet]


async def test_a_new_actor_of_the_same_name_is_not_the_old_one(nodes: Nodes) -> None:
    here, there = nodes
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    with pytest.raises(ActorStoppedError):
        await here.system.ask(ref, lambda reply_to: Greet("stop", reply_to))
    there.system.spawn(greeter(), "greeter")
    with pytest.raises(ActorStoppedError):
        await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to), timeout=50.0)


async def test_an_ask_without_a_reply_times_out_and_a_late_reply_does_no_harm(nodes: Nodes) -> None:
    here, there = nodes
    kept: list[ActorRef[str]] = []

    async def keep(ctx: ActorContext[Greet], message: Greet) -> Behavior[Greet]:
        kept.append(message.reply_to)
        return Behaviors.same()

    ref = at(here, there.system.spawn(Behaviors.receive(keep), "keeper"))
    with pytest.raises(TimeoutError):
        await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to), timeout=0.05)
    kept[0].tell("too late")
    assert await here.system.ask_or_none(ref, lambda reply_to: Greet("anna", reply_to), timeout=0.05) is None


async def test_what_cannot_be_written_is_a_dead_letter_and_fails_its_ask(nodes: Nodes) -> None:
    here, there = nodes
    letters: list[DeadLetter] = []
    here.system.event_stream.subscribe(DeadLetter, letters.append)
    ref = at(here, there.system.spawn(Behaviors.ignore(), "anything"))
    ref.tell(Unwritable(object()))
    assert "cannot encode" in letters[0].reason
    with pytest.raises(EncodeError):
        await here.system.ask(ref, lambda _: Unwritable(object()))


async def test_a_failure_arrives_from_another_node_with_its_class(nodes: Nodes) -> None:
    here, there = nodes
    gate = asyncio.Event()

    async def receive(ctx: ActorContext[Greet], message: Greet) -> Behavior[Greet]:
        await gate.wait()
        message.reply_to.tell("hello")
        return Behaviors.same()

    full = there.system.spawn(Behaviors.receive(receive), "full", mailbox=Mailbox(1))
    ref = at(here, full)

    async def ask() -> str:
        return await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to), timeout=50.0)

    asks = [asyncio.ensure_future(ask()) for _ in range(3)]
    with pytest.raises(MailboxFullError, match="the mailbox of /full is full"):
        await asyncio.wait_for(asks.pop(), 5.0)
    gate.set()
    assert await asyncio.gather(*asks) == ["hello"] * 2

    async def on_command(ctx: ActorContext[Greet], state: int, message: Greet) -> Behavior[Greet]:
        raise FencedError("another node has taken over")

    entity: Behavior[Greet] = Behaviors.event_sourced(
        entity_id="entity", initial_state=0, on_event=added, on_command=on_command, journal=InMemoryJournal()
    )
    with pytest.raises(FencedError, match="another node has taken over"):
        await here.system.ask(at(here, there.system.spawn(entity, "entity")), lambda reply_to: Greet("anna", reply_to))


async def test_what_the_node_refuses_is_a_dead_letter_and_fails_its_ask(nodes: Nodes) -> None:
    here, there = nodes
    letters: list[DeadLetter] = []
    here.system.event_stream.subscribe(DeadLetter, letters.append)
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    here.cable.refusal = "its queue is full"
    ref.tell(Greet("anna", ref))
    with pytest.raises(ActorStoppedError, match="its queue is full"):
        await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to), timeout=50.0)
    assert [letter.reason for letter in letters] == ["its queue is full"] * 2


async def test_what_the_transport_drops_is_a_dead_letter_and_fails_its_ask(nodes: Nodes) -> None:
    here, there = nodes
    letters: list[DeadLetter] = []
    here.system.event_stream.subscribe(DeadLetter, letters.append)
    kept: list[bytes] = []
    here.cable.carry = lambda sender, to, frame: kept.append(frame)
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    ref.tell(Greet("anna", ref))
    asking: asyncio.Future[str] = asyncio.ensure_future(
        here.system.ask(ref, lambda reply_to: Greet("bob", reply_to), timeout=50.0)
    )
    await asyncio.sleep(0)
    here.delivery.dropped(there.node.address, kept, "no connection for 10 s")
    with pytest.raises(ActorStoppedError, match="no connection"):
        await asking
    assert [letter.message.name for letter in letters if isinstance(letter.message, Greet)] == ["anna", "bob"]


async def test_what_a_command_sends_abroad_waits_for_its_events(nodes: Nodes) -> None:
    here, there = nodes
    probe = TestProbe[str](there.system)
    ref = at(here, probe.ref)
    stored: list[int] = []
    journal = InMemoryJournal()

    async def on_command(ctx: ActorContext[int], state: int, command: int) -> Behavior[Any]:
        ref.tell("written")
        stored.extend(event.sequence_nr for event in await journal.load("e"))
        return Behaviors.persisted([command])

    entity = here.system.spawn(
        Behaviors.event_sourced(entity_id="e", journal=journal, initial_state=0, on_event=added, on_command=on_command),
        "entity",
    )
    entity.tell(5)
    assert await probe.expect_message(str) == "written"
    assert stored == [], "the handler itself ran before anything was stored"
    assert [event.event for event in await journal.load("e")] == [5]


@pytest.mark.parametrize("frame", [b"\x10", b"\x11\x00", b"\x12", b"\x13\x01", b"\x63hello", b"\x10" + b"\xff" * 40])
async def test_a_damaged_frame_is_dropped_and_said(
    nodes: Nodes, frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = nodes
    here.delivery.received(there.node, frame)
    assert "cannot be read" in caplog.text
    ref = at(here, there.system.spawn(greeter(), "greeter"))
    assert await here.system.ask(ref, lambda reply_to: Greet("anna", reply_to)) == "hello anna"


async def test_no_stopped_actor_is_kept_because_another_node_has_told_it_something(nodes: Nodes) -> None:
    a, b = nodes
    remote = b.system.spawn(greeter(), "greeter")
    assert isinstance(remote, LocalRef)
    cell = weakref.ref(remote.cell)
    ref = a.system.resolve(remote.address)
    assert await a.system.ask(ref, lambda reply_to: Greet("you", reply_to)) == "hello you"
    ref.tell(Greet("stop", NO_RECEIVER))
    await until(lambda: b.system.lookup("/greeter") is None)
    del remote
    await until(lambda: gc.collect() >= 0 and cell() is None)
    again = b.system.spawn(greeter(), "greeter")
    assert await a.system.ask(a.system.resolve(again.address), lambda reply_to: Greet("me", reply_to)) == "hello me"
