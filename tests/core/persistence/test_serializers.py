"""Stored records name their serializer: what one has written stays readable when another is chosen."""

import logging
import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from casty import ActorSystem, Behaviors, CastyConfig, SnapshotEvery
from casty.config import JournalConfig, SerializationConfig
from casty.errors import DecodeError, EncodeError, PluginError
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.entity_log import LogRequest
from casty.persistence.journal import StoreJournal
from casty.persistence.serializers import Serializers
from casty.plugins import JournalProvider, PluginRegistry, SerializerProvider, hookimpl
from casty.plugins.serializers import Purpose, make_serializer
from casty.ref import DetachedRef
from casty.serialization import MsgpackSerializer
from casty.spi.event_journal import PersistedEvent, Snapshot
from casty.spi.journal import LAST_SEQUENCE_NR
from casty.spi.serializer import RefResolver

from tests.core.persistence.fakes import JsonSerializer


def journal_on(store: MemoryStore, serializer: Any = None, *, durable: bool = False) -> StoreJournal:
    capabilities = replace(CAPABILITIES, durable=durable)
    return StoreJournal(lambda: nullcontext(store), capabilities=capabilities, serializer=serializer)


class Plugin:
    """Offers the serializer `json`, and journals `shared://` on one store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @hookimpl
    def casty_serializers(self) -> list[SerializerProvider[Any]]:
        def create(resolve_ref: RefResolver, options: object) -> JsonSerializer:
            return JsonSerializer()

        return [SerializerProvider(names=("json",), create=create)]

    @hookimpl
    def casty_journals(self) -> list[JournalProvider[Any]]:
        return [
            JournalProvider(
                names=("shared",), open=lambda url, options: nullcontext(self._store), capabilities=CAPABILITIES
            )
        ]


async def names_in(store: MemoryStore, entity_id: str) -> list[str]:
    return [record.serializer for record in await store.replay(entity_id, 1, LAST_SEQUENCE_NR, 99)]


def add(state: int, event: int) -> int:
    return state + event


async def total(store: MemoryStore, config: CastyConfig, *amounts: int, **behavior: Any) -> int:
    """What an actor has come to, in a system with that configuration."""

    async def on_command(ctx: Any, state: int, command: Any) -> Any:
        if isinstance(command, int):
            return Behaviors.persisted([command])
        command.tell(state)
        return Behaviors.same()

    config = replace(config, journal=replace(config.journal, url="shared://x"))
    async with ActorSystem(config=config, plugins=[Plugin(store)]) as system:
        ref = system.spawn(
            Behaviors.event_sourced(
                entity_id="e",
                initial_state=0,
                on_event=add,
                on_command=on_command,
                **behavior,
            )
        )
        for amount in amounts:
            ref.tell(amount)
        return await system.ask(ref, lambda reply_to: reply_to)


async def test_a_record_names_the_serializer_that_wrote_it() -> None:
    store = MemoryStore()
    for number, serializer in ((1, None), (2, JsonSerializer())):
        journal = journal_on(store, serializer)
        await journal.persist("e", [PersistedEvent(number, "a", 1.0)])
        await journal.save_snapshot("e", Snapshot(number, "s", 1.0))
    assert await names_in(store, "e") == ["msgpack", "json"]
    snapshots = [await store.load_snapshot("e", number) for number in (1, 2)]
    assert [snapshot and snapshot.serializer for snapshot in snapshots] == ["msgpack", "json"]


async def test_what_one_serializer_wrote_is_read_when_another_is_chosen() -> None:
    store = MemoryStore()
    json = CastyConfig(serialization=SerializationConfig(default="json"))
    every = SnapshotEvery(n_events=2)
    assert await total(store, CastyConfig(), 1, 2, 4) == 7
    assert await total(store, json, 8, snapshot_policy=every) == 15
    assert await total(store, CastyConfig(), 16, snapshot_policy=every) == 31
    assert await total(store, json, 32, 64, snapshot_policy=every) == 127
    assert await names_in(store, "e") == ["msgpack"] * 3 + ["json"] + ["msgpack"] + ["json"] * 2


async def test_a_serializer_that_is_not_installed_is_named() -> None:
    store = MemoryStore()
    await journal_on(store, JsonSerializer()).persist("e", [PersistedEvent(1, "a", 1.0)])
    with pytest.raises(
        DecodeError, match=r"serializer that is not here: no serializer named 'json'; installed: msgpack"
    ):
        await journal_on(store).load("e")


async def test_a_snapshot_of_a_serializer_that_is_not_installed_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    await journal_on(store, JsonSerializer()).save_snapshot("e", Snapshot(2, "s", 1.0))
    assert await journal_on(store).load_snapshot("e") is None
    assert "no serializer named 'json'" in caplog.text


async def test_another_serializer_is_made_once() -> None:
    store, made = MemoryStore(), list[str]()

    def find(name: str) -> JsonSerializer:
        made.append(name)
        return JsonSerializer()

    await journal_on(store, JsonSerializer()).persist("e", [PersistedEvent(n, "a", 1.0) for n in (1, 2, 3)])
    async with journal_on(store).lease(serializers=Serializers(MsgpackSerializer(), find=find)) as opened:
        for record in await store.replay("e", 1, 3, 3):
            assert opened.serializers.event(record) == "a"
    assert made == ["json"]


@dataclass(frozen=True)
class Local:
    amount: int


@pytest.mark.parametrize(("durable", "warnings"), [(True, 1), (False, 0)])
async def test_only_a_durable_journal_warns_of_types_of_the_started_file(
    durable: bool, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("__main__")
    vars(module).update(__spec__=None, __file__="/srv/bank_file.py", Local=Local)
    monkeypatch.setattr(Local, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    journal = journal_on(MemoryStore(), MsgpackSerializer(), durable=durable)
    with caplog.at_level(logging.WARNING):
        for number in (1, 2):
            await journal.persist("e", [PersistedEvent(number, Local(1), 1.0)])
    assert await journal.load("e") == [PersistedEvent(number, Local(1), 1.0) for number in (1, 2)]
    assert len(caplog.records) == warnings


BOUNDS: list[tuple[dict[str, Any], dict[str, Any], tuple[bool, bool, bool]]] = [
    ({}, {}, (True, True, True)),
    ({"max_payload": 50}, {}, (False, False, False)),
    ({"options": {"max_payload": 50}}, {}, (False, False, False)),
    ({"options": {"event_max_payload": 50}}, {}, (True, False, True)),
    ({"options": {"snapshot_max_payload": 50}}, {}, (True, True, False)),
    ({"max_payload": 50, "options": {"max_payload": 5000}}, {}, (True, True, True)),
    ({"max_items": 1, "options": {"event_max_items": 200}}, {}, (True, True, True)),
    ({}, {"max_payload": 50}, (True, False, False)),
    ({}, {"event_max_payload": 50}, (True, False, True)),
    ({}, {"snapshot_max_payload": 50}, (True, True, False)),
    ({"max_payload": 50}, {"max_payload": 5000}, (False, True, True)),
    ({"options": {"event_max_payload": 50}}, {"max_payload": 5000}, (True, True, True)),
]


@pytest.mark.parametrize(("serialization", "journal", "fits"), BOUNDS, ids=str)
async def test_messages_events_and_snapshots_have_bounds_of_their_own(
    serialization: dict[str, Any], journal: dict[str, Any], fits: tuple[bool, bool, bool]
) -> None:
    config = CastyConfig(
        serialization=SerializationConfig(**serialization), journal=JournalConfig(url="shared://x", options=journal)
    )
    async with ActorSystem(config=config, plugins=[Plugin(MemoryStore())]) as system:
        request = LogRequest(entity_id="e", actor="/e", journal="shared://x", wall_time=lambda: 1.5)
        log: Any = await system.kernel.journals.log_of(request)
        stored: Serializers = log._serializers
        for serializer, fit in zip((system.serializer, stored.events, stored.snapshots), fits, strict=True):
            with nullcontext() if fit else pytest.raises(EncodeError, match="max_payload=50"):
                serializer.encode("x" * 100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_paylod": 1}, "serializer 'msgpack' has no option 'max_paylod'; did you mean 'max_payload'"),
        ({"max_payload": "much"}, "option 'max_payload' of serializer 'msgpack' must be an integer"),
        ({"max_depth": 10_000}, "the options of serializer 'msgpack' do not fit together: max_depth is at most 128"),
    ],
)
async def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    config = CastyConfig(serialization=SerializationConfig(options=options))
    with pytest.raises(PluginError, match=message):
        async with ActorSystem(config=config):
            pass


def test_the_rules_hold_for_other_serializers_as_far_as_they_know_them() -> None:
    """A peer that names another serializer than the configured one gets round neither `strict` nor the bounds."""
    config = SerializationConfig(default="json", strict=True, options={"event_max_payload": 90})
    plugins = PluginRegistry.discover(extra=[Plugin(MemoryStore())])
    other = make_serializer(plugins, config, DetachedRef, name="msgpack", purpose=Purpose.events)
    with pytest.raises(DecodeError, match="more than max_payload allows: 90"):
        other.loads(MsgpackSerializer().dumps("x" * 100))
    with pytest.raises(DecodeError, match="no type is known as"):
        other.loads(MsgpackSerializer().dumps(Local(1)))
