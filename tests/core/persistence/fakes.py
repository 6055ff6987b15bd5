"""A serializer of JSON, a maker of records, a store that does what its test tells it, and a pace that is always two."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import override

from casty.errors import DecodeError, PluginError
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.pace import Pace
from casty.persistence.writer import Done
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalCapabilities
from casty.spi.serializer import Encoded, Serializer


class JsonSerializer:
    name = "json"

    def encode(self, value: object) -> Encoded:
        return Encoded("", 1, json.dumps(value).encode())

    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        try:
            return json.loads(payload)
        except ValueError as error:
            raise DecodeError(str(error)) from error

    def dumps(self, value: object) -> bytes:
        return self.encode(value).payload

    def loads(self, data: bytes) -> object:
        return self.decode("", 1, data)


def nothing_else(name: str) -> Serializer:
    """Finds no serializer by its name."""
    raise PluginError(f"no serializer named {name!r}")


class TwoAppendsStore(MemoryStore):
    """Says that it bears two appends at a time."""

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(CAPABILITIES, concurrent_appends=2)


class SteeredStore(MemoryStore):
    """Counts its appends, holds them back while `gate` is closed, and fails where `failure` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.batches: list[Sequence[AppendGroup]] = []
        self.failure: Exception | None = None

    @override
    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        self.batches.append(groups)
        self.started.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await super().append(groups)


class TwoLanes(Pace):
    """Always finds two appends at a time to be faster."""

    @override
    def begin(self, now: float) -> None:
        super().begin(now)
        self.lanes = 2

    @override
    def stored(self, events: int, now: float) -> None:
        return


class Outcomes:
    """Collects the arguments of the callbacks of submitted groups, by name."""

    def __init__(self) -> None:
        self.told: dict[str, Exception | None] = {}

    def of(self, name: str) -> Done:
        def done(error: Exception | None) -> None:
            assert name not in self.told, "told twice"
            self.told[name] = error

        return done


def event(entity_id: str, sequence_nr: int, payload: bytes = b"x", *, writer: str = "w") -> EventRecord:
    event_id = f"{writer} {sequence_nr}".encode().ljust(16)
    return EventRecord(entity_id, sequence_nr, 0, writer, event_id, "bank.Deposited", 1, payload, 1.5, ())
