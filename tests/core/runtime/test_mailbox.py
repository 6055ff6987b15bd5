"""Bounded mailboxes."""

import asyncio
from collections.abc import Sequence

import pytest
from casty import (
    ActorRef,
    ActorSystem,
    Behavior,
    Behaviors,
    CastyConfig,
    DeadLetter,
    Mailbox,
    MailboxOverflowStrategy,
)
from casty.config.actors import ActorConfig, MailboxOverrides
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Ctx, Events, Family, does, turns

OVERFLOW = MailboxOverflowStrategy


class Gated:
    """An actor whose handler waits for a gate."""

    def __init__(self, system: ActorSystem, mailbox: Mailbox | None = None, name: str | None = None) -> None:
        self.gate = asyncio.Event()
        self.probe = TestProbe[str](system)
        self.letters = Events(system, DeadLetter)
        self.ref: ActorRef[str] = system.spawn(Behaviors.receive(self._handle), name, mailbox=mailbox)

    async def _handle(self, _ctx: Ctx, message: str) -> Behavior[str]:
        await self.gate.wait()
        self.probe.ref.tell(message)
        return Behaviors.stopped() if message == "stop" else Behaviors.same()

    async def filled(self, messages: Sequence[str]) -> "Gated":
        """The first message is being handled, the others wait."""
        for message in messages:
            self.ref.tell(message)
            await turns(3)
        return self

    async def opened(self) -> list[str]:
        self.gate.set()
        return await self.probe.receive_all()

    def dropped(self) -> list[object]:
        assert all("full" in letter.reason for letter in self.letters.seen)
        return [letter.message for letter in self.letters.seen]


async def test_drop_new_drops_what_arrives(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(2)).filled("abcde")
    assert actor.dropped() == ["d", "e"]
    assert await actor.opened() == ["a", "b", "c"]


async def test_drop_oldest_drops_what_has_waited_longest(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(2, OVERFLOW.drop_oldest)).filled("abcde")
    assert actor.dropped() == ["b", "c"]
    assert await actor.opened() == ["a", "d", "e"]


async def test_drop_oldest_reaches_into_the_batch_being_read(system: ActorSystem) -> None:
    actor = Gated(system, Mailbox(3, OVERFLOW.drop_oldest))
    for message in "abc":
        actor.ref.tell(message)
    await settle()
    await actor.filled("defg")
    assert actor.dropped() == ["b", "c", "d"]
    assert await actor.opened() == ["a", "e", "f", "g"]


@pytest.mark.parametrize("overflow", [OVERFLOW.backpressure, OVERFLOW.reject])
async def test_backpressure_and_reject_raise_to_the_teller(
    system: ActorSystem, overflow: MailboxOverflowStrategy
) -> None:
    actor = await Gated(system, Mailbox(2, overflow)).filled("abc")
    with pytest.raises(asyncio.QueueFull, match="is full: 2 messages wait"):
        actor.ref.tell("d")
    assert await actor.opened() == ["a", "b", "c"]
    assert actor.dropped() == []


async def test_an_offer_waits_for_room(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(1, OVERFLOW.backpressure)).filled("ab")
    offers = [asyncio.ensure_future(actor.ref.offer(message)) for message in "cdef"]
    await settle()
    assert not any(offer.done() for offer in offers)
    assert await actor.opened() == list("abcdef")
    assert all(offer.done() for offer in offers)


async def test_an_offer_to_a_rejecting_mailbox_does_not_wait(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(1, OVERFLOW.reject)).filled("ab")
    with pytest.raises(asyncio.QueueFull):
        await actor.ref.offer("c")
    actor.gate.set()


async def test_a_stop_makes_waiting_offers_dead_letters(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(1, OVERFLOW.backpressure)).filled(["stop", "b"])
    offer = asyncio.ensure_future(actor.ref.offer("c"))
    await settle()
    actor.gate.set()
    async with asyncio.timeout(20.0):
        await offer
    assert [letter.message for letter in actor.letters.seen] == ["b", "c"]


async def test_a_cancelled_offer_leaves_nothing_behind(system: ActorSystem) -> None:
    actor = await Gated(system, Mailbox(1, OVERFLOW.backpressure)).filled("ab")
    offers = [asyncio.ensure_future(actor.ref.offer(message)) for message in "cd"]
    await settle()
    offers[0].cancel()
    assert await actor.opened() == ["a", "b", "d"]


async def test_an_offer_behind_unstashed_messages_is_not_forgotten(system: ActorSystem) -> None:
    gate, probe = asyncio.Event(), TestProbe[str](system)

    async def patient(_ctx: Ctx, message: str) -> Behavior[str]:
        await gate.wait()
        probe.ref.tell(message)
        return Behaviors.same()

    def stashing(ctx: Ctx, message: str) -> Behavior[str] | None:
        ctx.stash(message)
        if message != "c":
            return None
        ctx.unstash_all()
        return Behaviors.receive(patient)

    ref = system.spawn(does(stashing), mailbox=Mailbox(1, OVERFLOW.backpressure))
    for message in "abc":
        ref.tell(message)
        await turns(3)
    offer = asyncio.ensure_future(ref.offer("d"))
    await settle()
    gate.set()
    async with asyncio.timeout(20.0):
        await offer
    assert await probe.receive_all() == ["a", "b", "c", "d"]


async def test_an_argument_goes_before_the_configured_mailbox() -> None:
    overrides = MailboxOverrides(capacity=1)
    config = CastyConfig(actors={"small.*": ActorConfig(mailbox=overrides)})
    async with ActorSystem(config=config) as system:
        small = await Gated(system, name="small-1").filled("abc")
        large = await Gated(system, Mailbox(2), name="small-2").filled("abc")
        assert [letter.intended_ref for letter in small.letters.seen] == [small.ref]
        small.gate.set()
        assert await large.opened() == ["a", "b", "c"]


async def test_an_adapter_outlives_its_owners_full_mailbox(system: ActorSystem) -> None:
    letters, gate, probe = Events(system, DeadLetter), asyncio.Event(), TestProbe[str](system)
    adapters: list[ActorRef[str]] = []

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        if not adapters:
            adapters.append(ctx.message_adapter(str.upper))
        await gate.wait()
        probe.ref.tell(message)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), mailbox=Mailbox(1, OVERFLOW.reject))
    ref.tell("a")
    await settle()
    ref.tell("b")
    adapters[0].tell("c")
    await settle()
    assert [letter.message for letter in letters.seen] == ["C"]
    gate.set()
    await settle()
    adapters[0].tell("d")
    assert await probe.receive_all() == ["a", "b", "D"]


async def test_a_full_mailbox_turns_a_piped_result_into_a_dead_letter(system: ActorSystem) -> None:
    letters, gate = Events(system, DeadLetter), asyncio.Event()

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        ctx.pipe_to_self(asyncio.sleep(0, "piped"))
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), mailbox=Mailbox(1, OVERFLOW.reject))
    ref.tell("a")
    await asyncio.sleep(0)
    ref.tell("b")
    assert (await letters.receive()).message == "piped"
    gate.set()


async def test_a_parents_configuration_reaches_children() -> None:
    config = CastyConfig(actors={"child-.*": ActorConfig(mailbox=MailboxOverrides(capacity=1))})
    async with ActorSystem(config=config) as system:
        letters = Events(system, DeadLetter)
        family = await Family(system, does(lambda ctx, message: None)).started()
        for message in "abc":
            family.children[0].tell(message)
        await settle()
        assert [letter.message for letter in letters.seen] == ["b", "c"]
