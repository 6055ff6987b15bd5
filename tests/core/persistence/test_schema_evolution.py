"""What an older release has stored, replayed by today's program: the bytes are golden ones, the actors are real."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    Directive,
    InMemoryJournal,
    OneForOneStrategy,
    UnknownManifestError,
)
from casty.errors import DecodeError
from casty.journal import SqliteJournal
from casty.persistence.journal import StoreJournal
from casty.spi.journal import EventRecord, SnapshotRecord
from casty.spi.serializer import Encoded
from casty.testing import TestProbe

from tests.core.runtime.probe import Events
from tests.core.serialization.golden_files import stored
from tests.core.serialization.release_2 import (
    EUROS,
    FROM_RELEASE_1,
    SERIALIZER,
    Account,
    AccountClosed,
    Currency,
    Deposited,
    Money,
    Rights,
    Withdrawn,
)

type Event = Deposited | Withdrawn | AccountClosed
type State = tuple[object, ...]

DEPOSITED, WITHDRAWN, CLOSED, ACCOUNT = (
    stored("release-1")[label].encoded
    for label in ("an event", "an event with a nested value", "an event that will be renamed", "a state")
)


@dataclass(frozen=True, slots=True)
class Store:
    """Store the events, and answer with all that the actor has seen."""

    events: tuple[Event, ...]
    reply_to: ActorRef[State]


def account(journal: StoreJournal, entity_id: str = "DE:12") -> Behavior[Store]:
    """An entity whose state is what it began with, and every event since."""

    async def on_command(ctx: ActorContext[Store], state: State, command: Store) -> Behavior[Store]:
        return Behaviors.persisted(command.events, then=command.reply_to.tell)

    def on_event(state: State | Account, event: Event) -> State:
        return (*(state if isinstance(state, tuple) else (state,)), event)

    return Behaviors.event_sourced(
        entity_id=entity_id, journal=journal, initial_state=(), on_event=on_event, on_command=on_command
    )


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> StoreJournal:
    if request.param == "memory":
        return InMemoryJournal(serializer=SERIALIZER)
    return SqliteJournal(tmp_path / "events.db", serializer=SERIALIZER)


async def seed(journal: StoreJournal, *events: Encoded, entity_id: str = "DE:12") -> None:
    """Put into the journal what another release has written."""
    group = [
        EventRecord(entity_id, number, 0, "old", number.to_bytes(16), *encoded, 0.0, ())
        for number, encoded in enumerate(events, start=1)
    ]
    assert list(await (await journal.open()).store.append([group])) == [None]


async def seed_snapshot(journal: StoreJournal, number: int, state: Encoded) -> None:
    await (await journal.open()).store.save_snapshot(SnapshotRecord("DE:12", number, *state, 0.0), 2)


async def seen(system: ActorSystem, ref: ActorRef[Store], *events: Event) -> State:
    return await system.ask(ref, lambda reply_to: Store(events, reply_to))


async def test_events_of_an_older_release_are_replayed_and_followed_by_todays(
    system: ActorSystem, journal: StoreJournal
) -> None:
    await seed(journal, DEPOSITED, WITHDRAWN, CLOSED)
    labels = ("an event", "an event with a nested value", "an event that will be renamed")
    expected = tuple(FROM_RELEASE_1[label] for label in labels)
    today = Deposited("DE", 12, EUROS)
    assert await seen(system, system.spawn(account(journal)), today) == (*expected, today)
    async with ActorSystem() as other:
        assert await seen(other, other.spawn(account(journal))) == (*expected, today)
    events = await journal.load("DE:12")
    assert [(event.sequence_nr, event.event) for event in events] == list(enumerate((*expected, today), start=1))


async def test_a_snapshot_of_an_older_release_is_continued(system: ActorSystem, journal: StoreJournal) -> None:
    await seed(journal, Encoded("bank.Unknown", 1, b"\x80"), WITHDRAWN)
    await seed_snapshot(journal, 1, ACCOUNT)
    state = Account(
        Rights.WRITE,
        Deposited("FR", 7, Money(Decimal(2), Currency.EUR)),
        {Currency.USD: Money(Decimal(2), Currency.USD)},
    )
    withdrawn = Withdrawn("DE:12", Money(Decimal("0.5"), Currency.EUR))
    assert await seen(system, system.spawn(account(journal))) == (state, withdrawn)


async def test_a_snapshot_of_a_newer_release_is_passed_over(
    system: ActorSystem, journal: StoreJournal, caplog: pytest.LogCaptureFixture
) -> None:
    await seed(journal, DEPOSITED)
    await seed_snapshot(journal, 1, ACCOUNT._replace(version=2))
    assert await seen(system, system.spawn(account(journal))) == (FROM_RELEASE_1["an event"],)
    assert "'bank.Account' was stored as version 2, here it is 1: a newer program wrote it" in caplog.text


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (lambda: Encoded("bank.Unknown", 1, b"\x80"), UnknownManifestError, "no type is known as 'bank.Unknown'"),
        (lambda: DEPOSITED._replace(version=4), DecodeError, "stored as version 4, here it is 3: a newer program"),
        (lambda: DEPOSITED._replace(payload=WITHDRAWN.payload), DecodeError, "deposited_1 .* raised KeyError: 'cents'"),
    ],
)
async def test_an_event_that_cannot_be_read_fails_its_entity_and_no_other(
    system: ActorSystem,
    journal: StoreJournal,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[], Encoded],
    kind: type[Exception],
    message: str,
) -> None:
    await seed(journal, DEPOSITED, damage())
    await seed(journal, CLOSED, entity_id="healthy")
    failures: list[BaseException] = []

    def decide(error: BaseException) -> Directive:
        failures.append(error)
        return Directive.stop

    stopped = Events(system, ActorStopped)
    healthy = system.spawn(account(journal, "healthy"), "healthy")
    broken = system.spawn(Behaviors.supervise(account(journal), OneForOneStrategy(decider=decide)), "broken")
    assert (await stopped.receive()).ref == broken
    assert [type(error) for error in failures] == [kind]
    assert failures[0].__notes__ == ["This is event 2 of the entity 'DE:12'."]
    with pytest.raises(kind, match=message):
        raise failures[0]
    assert [record.levelno for record in caplog.records if "/broken" in record.getMessage()] == [logging.ERROR]
    today = Deposited("DE", 12, EUROS)
    assert await seen(system, healthy, today) == (FROM_RELEASE_1["an event that will be renamed"], today)


async def test_an_unsupervised_entity_that_cannot_be_read_stops_and_writes_nothing(
    system: ActorSystem, journal: StoreJournal
) -> None:
    await seed(journal, Encoded("bank.Unknown", 1, b"\x80"))
    stopped, probe = Events(system, ActorStopped), TestProbe[State](system)
    broken = system.spawn(account(journal))
    broken.tell(Store((Deposited("DE", 12, EUROS),), probe.ref))
    assert (await stopped.receive()).ref == broken
    assert await probe.receive_all() == []
    assert await (await journal.open()).store.highest_sequence_nr("DE:12") == 1
