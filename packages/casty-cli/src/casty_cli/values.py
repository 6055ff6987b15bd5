"""Stored values as people read them: as this process knows their types, else as they are written."""

import json
from dataclasses import dataclass
from typing import final

from casty.errors import DecodeError, UnknownManifestError
from casty.serialization.msgpack import NAME as MSGPACK
from casty.spi.journal import EventRecord, SnapshotRecord
from casty.spi.serializer import Serializer

from casty_cli.content import content

type Stored = EventRecord | SnapshotRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A stored value."""

    value: str | None
    """As Python shows it; None where its type is not known here, or does not fit."""
    content: object
    """As it is written; None where that cannot be told."""
    problem: str | None
    """Why there is neither, or why a type that is known does not fit."""

    def __str__(self) -> str:
        if self.value is not None:
            return self.value
        shown = "" if self.content is None else json.dumps(self.content, ensure_ascii=False)
        return shown if self.problem is None else f"{shown} ({self.problem})".lstrip()


@final
class Values:
    """Describes and checks what a serializer has written."""

    def __init__(self, serializer: Serializer) -> None:
        self._serializer = serializer
        self._readable = serializer.name == MSGPACK

    def describe(self, record: Stored) -> Described:
        value = written = problem = None
        try:
            value = repr(self._serializer.decode(record.manifest, record.version, record.payload))
        except UnknownManifestError:
            pass  # what is written says enough
        except DecodeError as error:
            problem = f"cannot be read: {error}"
        if self._readable:
            try:
                written = content(record.payload)
            except DecodeError as error:
                problem = f"{len(record.payload)} bytes that are damaged: {error}"
        elif value is None:
            problem = problem or f"{len(record.payload)} bytes of {self._serializer.name}"
        return Described(value=value, content=written, problem=problem)

    def check(self, record: Stored) -> str | None:
        """The type that is not known here, if that is so. Raises `DecodeError` for a value that cannot be read."""
        try:
            self._serializer.decode(record.manifest, record.version, record.payload)
        except UnknownManifestError as error:
            if self._readable:
                content(record.payload)
            return error.manifest
        return None
