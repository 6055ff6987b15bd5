"""How the author of a plugin tests it: with the checks for every journal, and through the registry, as Casty's users
will reach it.
"""

from fractions import Fraction
from pathlib import Path

import pytest
from casty import ActorSystem
from casty.errors import JournalSchemaError, PluginError
from casty.plugins import PluginRegistry, build_options
from casty.spi.journal import EventRecord, SnapshotRecord
from casty.testing.conformance.journal import Check, checks
from casty_journal_example.plugin import CAPABILITIES, ExampleOptions, open_journal


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check, tmp_path: Path) -> None:
    await check(lambda: open_journal(f"example://{tmp_path}/events.jsonl", ExampleOptions()))


def event(sequence_nr: int, entity_id: str = "a") -> EventRecord:
    return EventRecord(entity_id, sequence_nr, 0, "w", bytes(16), "test.Done", 1, b"\xff\x00", 1.5, ("x", "y"))


async def test_events_and_snapshots_are_there_after_reopening(tmp_path: Path) -> None:
    provider = PluginRegistry.discover().journal("example://")
    url = f"example://{tmp_path}/events.jsonl"
    snapshot = SnapshotRecord("a", 2, "test.State", 1, b"\x01", 2.5)
    async with provider.open(url, build_options(provider, {})) as store:
        assert await store.append([[event(1), event(2)], [event(1, "b")]]) == [None, None]
        await store.save_snapshot(snapshot, keep=1)

    async with provider.open(url, build_options(provider, {"create": False})) as store:
        assert await store.replay("a", 1, 9, 100) == [event(1), event(2)]
        assert await store.replay("a", 2, 9, 100) == [event(2)]
        assert await store.highest_sequence_nr("b") == 1
        assert await store.load_snapshot("a", 9) == snapshot
        assert await store.load_snapshot("a", 1) is None


async def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    provider = PluginRegistry.discover().journal("example://")
    path = tmp_path / "events.jsonl"
    path.write_text('{"hello": 1}\n')
    with pytest.raises(JournalSchemaError, match=r"line 1 is no record of a journal"):
        async with provider.open(f"example://{path}", build_options(provider, {})):
            pass


def test_an_option_of_the_wrong_type_is_named() -> None:
    provider = PluginRegistry.discover().journal("example://")
    with pytest.raises(PluginError, match="option 'create' of journal 'example' must be true or false"):
        build_options(provider, {"create": "yes"})


def test_fractions_may_be_in_events_and_messages() -> None:
    serializer = ActorSystem().serializer
    for value in (Fraction(1, 3), [Fraction(2), {"half": Fraction(1, 2)}]):
        assert serializer.decode(*serializer.encode(value)) == value
