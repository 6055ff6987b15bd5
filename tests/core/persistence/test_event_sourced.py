"""Event-sourced actors as users meet them: journals of every kind, snapshots, tags."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from casty import ActorSystem, Behavior, Behaviors, CastyConfig, SnapshotEvery
from casty.config import JournalConfig
from casty.config.actors import ActorConfig
from casty.journal import EventJournal, InMemoryJournal, Snapshot
from casty.testing import TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, adding, append, ledger


@pytest.mark.parametrize("make", [HandJournal, InMemoryJournal, lambda: "memory://"])
async def test_any_journal_will_do(system: ActorSystem, make: Callable[[], EventJournal | str]) -> None:
    probe, ref = TestProbe[str](system), system.spawn(ledger(make()))
    for text in "abc":
        ref.tell(Add(text, probe.ref))
    assert await probe.receive_n(3) == ["a", "ab", "abc"]


async def test_a_url_names_one_journal_for_the_whole_system(system: ActorSystem) -> None:
    probe, ref = TestProbe[str](system), system.spawn(ledger("memory://"))
    ref.tell(Add("a", probe.ref))
    assert await probe.receive() == "a"
    system.spawn(ledger("memory://")).tell(Add("b", probe.ref))
    assert await probe.receive() == "ab"


async def test_without_a_journal_the_events_are_in_memory_with_one_warning(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    probe = TestProbe[str](system)
    for text in "ab":
        system.spawn(ledger(None)).tell(Add(text, probe.ref))
        await probe.receive()
    assert caplog.text.count("no journal is configured") == 1


@pytest.mark.parametrize(
    "config",
    [
        CastyConfig(journal=JournalConfig(url="memory://")),
        CastyConfig(actors={"led.*": ActorConfig(journal="memory://")}),
    ],
)
async def test_the_configuration_names_a_journal(config: CastyConfig, caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem(config=config) as system:
        probe = TestProbe[str](system)
        system.spawn(ledger(None), "ledger").tell(Add("a", probe.ref))
        assert await probe.receive() == "a"
    assert "no journal is configured" not in caplog.text


async def test_snapshots_are_taken_every_n_events_and_shorten_the_replay(system: ActorSystem) -> None:
    journal, probe = HandJournal(), TestProbe[str](system)
    ref = system.spawn(ledger(journal, snapshots=SnapshotEvery(3)))
    for text in "abcdefg":
        ref.tell(Add(text, probe.ref))
    await probe.receive_n(7)
    await settle()
    assert [(kept.sequence_nr, kept.state) for kept in journal.snapshots] == [(3, "abc"), (6, "abcdef")]
    folded = list[str]()

    def folding(state: str, event: str) -> str:
        folded.append(event)
        return append(state, event)

    system.spawn(ledger(journal, on_event=folding)).tell(Add("h", probe.ref))
    assert await probe.receive() == "abcdefgh"
    assert folded == ["g", "h"]


async def test_the_newest_snapshots_are_kept(system: ActorSystem) -> None:
    journal, probe = InMemoryJournal(), TestProbe[str](system)
    ref = system.spawn(ledger(journal, snapshots=SnapshotEvery(1, keep=2)))
    for text in "abcd":
        ref.tell(Add(text, probe.ref))
    await probe.receive_n(4)
    await settle()
    store = (await journal.open()).store
    kept = [snapshot for n in range(1, 5) if (snapshot := await store.load_snapshot("ledger", n))]
    assert [snapshot.sequence_nr for snapshot in kept] == [3, 4]


async def test_a_snapshot_waits_for_its_events(system: ActorSystem, journal: HandJournal) -> None:
    ref = system.spawn(ledger(journal, snapshots=SnapshotEvery(1)))
    ref.tell(Add("a", TestProbe[str](system).ref))
    await settle()
    assert journal.snapshots == []
    journal.writes[0].release()
    await settle()
    assert [kept.state for kept in journal.snapshots] == ["a"]


async def test_events_carry_their_tags(system: ActorSystem) -> None:
    journal, probe = InMemoryJournal(), TestProbe[str](system)

    async def on_command(_ctx: object, _state: str, command: Add) -> Behavior[Any]:
        return Behaviors.persisted([command.text, command.text * 2], reply=(command.reply_to, "done"))

    system.spawn(
        Behaviors.event_sourced(
            entity_id="e",
            journal=journal,
            initial_state="",
            on_event=append,
            on_command=on_command,
            tagger=lambda event: [f"length-{len(event)}"],
        )
    ).tell(Add("a", probe.ref))
    await probe.receive()
    records = await (await journal.open()).store.replay("e", 1, 9, 9)
    assert [record.tags for record in records] == [("length-1",), ("length-2",)]


async def test_no_events_are_no_write(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: object, _state: str, command: Add) -> Behavior[Any]:
        return Behaviors.persisted([], reply=(command.reply_to, "done"))

    probe = TestProbe[str](system)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive() == "done"
    assert journal.writes == []


async def test_an_older_snapshot_never_arrives_after_a_newer_one(system: ActorSystem) -> None:
    gate = asyncio.Event()

    class SlowFirst(HandJournal):
        async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
            if snapshot.sequence_nr == 1:
                await gate.wait()
            self.snapshots.append(snapshot)

    journal = SlowFirst()
    ref = system.spawn(ledger(journal, snapshots=SnapshotEvery(1)))
    for text in "ab":
        await system.ask(ref, adding(text))
    gate.set()
    await system.shutdown()
    assert [snapshot.sequence_nr for snapshot in journal.snapshots] == [1, 2]
