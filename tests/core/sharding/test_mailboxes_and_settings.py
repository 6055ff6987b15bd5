"""What the configuration and `spawn` say about a region holds for its entities."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from casty import (
    ActorSystem,
    Behavior,
    Behaviors,
    CastyConfig,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    MailboxOverflowStrategy,
    ShardEnvelope,
    SqliteJournal,
)
from casty.behaviors.supervision import Directive
from casty.config.actors import (
    ActorConfig,
    DefaultsConfig,
    MailboxOverrides,
    ShardingOverrides,
    SupervisionOverrides,
)
from casty.runtime.sharding.ids import shard_of
from casty.testing import settle

from tests.core.runtime.probe import Events
from tests.core.sharding.recording import Ctx, Message, Question, Recording, remembering_texts

REJECT = Mailbox(capacity=1, overflow=MailboxOverflowStrategy.reject)
BACKPRESSURE = Mailbox(capacity=1, overflow=MailboxOverflowStrategy.backpressure)


async def test_a_full_mailbox_of_an_entity_raises_in_the_teller(system: ActorSystem) -> None:
    region = system.spawn(Behaviors.sharded(Recording()), mailbox=REJECT)
    region.entity("alice").tell("one")
    with pytest.raises(MailboxFullError, match="/alice is full: 1 messages"):
        region.entity("alice").tell("two")
    with pytest.raises(MailboxFullError):
        region.tell(ShardEnvelope("alice", "three"))
    with pytest.raises(MailboxFullError):
        await region.entity("alice").ask(Question)
    region.entity("bob").tell("the mailbox of each entity is its own")


async def test_a_full_mailbox_drops_what_a_command_sent_when_its_events_are_stored(system: ActorSystem) -> None:
    entities = Recording()
    region = system.spawn(Behaviors.sharded(entities), mailbox=REJECT)
    letters = Events(system, DeadLetter)

    async def on_command(ctx: Any, state: int, command: str) -> Behavior[Any]:
        for text in ("one", "two"):
            region.entity("alice").tell(text)
        return Behaviors.persisted([command])

    sender = Behaviors.event_sourced(
        entity_id="sender", initial_state=0, on_event=lambda state, event: state + 1, on_command=on_command
    )
    system.spawn(sender).tell("send")
    await settle()
    assert entities.seen == ["alice.1 one"]
    assert [(letter.message, letter.intended_ref) for letter in letters.seen] == [("two", region.entity("alice"))]


async def test_an_offer_waits_for_room_and_survives_the_stop_of_the_entity(system: ActorSystem) -> None:
    gate = asyncio.Event()

    def hold(ctx: Ctx) -> Any:
        ctx.passivate()
        return gate.wait()

    entities = Recording(hold=hold)
    region = system.spawn(Behaviors.sharded(entities), mailbox=BACKPRESSURE)
    alice = region.entity("alice")
    alice.tell("hold")
    await settle()
    await alice.offer("one")
    offers = [
        asyncio.create_task(alice.offer("two")),
        asyncio.create_task(region.offer(ShardEnvelope("alice", "three"))),
    ]
    await settle()
    assert not any(offer.done() for offer in offers)
    gate.set()
    await asyncio.gather(*offers)
    await settle()
    assert sorted(entities.seen) == ["alice.1 hold", "alice.2 one", "alice.2 three", "alice.2 two"]


async def test_what_cannot_be_offered_is_a_dead_letter(system: ActorSystem) -> None:
    region: Any = system.spawn(Behaviors.sharded(Recording()))
    letters = Events(system, DeadLetter)
    await region.offer("no envelope")
    assert (await letters.receive()).message == "no envelope"


async def test_the_settings_of_the_region_are_those_of_its_entities() -> None:
    accounts = ActorConfig(
        mailbox=MailboxOverrides(capacity=1, strategy=MailboxOverflowStrategy.drop_new),
        supervision=SupervisionOverrides(strategy=Directive.resume),
        sharding=ShardingOverrides(num_shards=3),
    )
    config = CastyConfig(actors={"accounts": accounts, "alice": ActorConfig(mailbox=MailboxOverrides(capacity=100))})
    async with ActorSystem(config=config) as system:
        entities = Recording()
        region = system.spawn(Behaviors.sharded(entities), "accounts")
        region.entity("alice").tell("fail")
        await settle()
        region.entity("alice").tell("kept")
        region.entity("alice").tell("dropped")
        await settle()
        assert entities.seen == ["alice.1 fail", "alice.1 kept"]
        assert system.lookup(f"/accounts/{shard_of('alice', 3)}/alice") is not None


async def test_the_number_of_shards_is_that_of_the_call_or_of_the_defaults() -> None:
    config = CastyConfig(defaults=DefaultsConfig(sharding=ShardingOverrides(num_shards=7)))
    async with ActorSystem(config=config) as system:
        for name, behavior, expected in (
            ("by default", Behaviors.sharded(Recording()), 7),
            ("in the call", Behaviors.sharded(Recording(), num_shards=5), 5),
        ):
            await system.spawn(behavior, name).entity("alice").ask(Question)
            assert system.lookup(f"/{name}/{shard_of('alice', expected)}/alice") is not None


async def test_entities_write_to_the_journal_of_their_region(tmp_path: Path) -> None:
    config = CastyConfig(actors={"accounts": ActorConfig(journal=f"sqlite:///{tmp_path}/accounts.db")})

    def factory(entity_id: str) -> Behavior[Message]:
        return remembering_texts(None)(entity_id)

    async with ActorSystem(config=config) as system:
        region = system.spawn(Behaviors.sharded(factory), "accounts")
        region.entity("alice").tell("one")
        assert await region.entity("alice").ask(Question) == "one"
    async with SqliteJournal(tmp_path / "accounts.db") as journal:
        assert [event.event for event in await journal.load("alice")] == ["one"]
