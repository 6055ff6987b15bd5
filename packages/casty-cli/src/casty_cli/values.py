"""Stored values for display: decoded if this process knows their types, else as they are stored."""

import json
from dataclasses import dataclass
from typing import final

from casty.errors import DecodeError, UnknownManifestError
from casty.extension import Serializers
from casty.serialization.msgpack import NAME as MSGPACK
from casty.spi.journal import EventRecord, SnapshotRecord

from casty_cli.content import content

type Stored = EventRecord | SnapshotRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A stored value."""

    value: str | None
    """Its repr; None if its type is not known here, or does not fit."""
    content: object
    """As it is stored; None if its format is unknown."""
    problem: str | None
    """Why there is neither, or why a known type does not fit."""

    def __str__(self) -> str:
        if self.value is not None:
            return self.value
        shown = "" if self.content is None else json.dumps(self.content, ensure_ascii=False)
        return shown if self.problem is None else f"{shown} ({self.problem})".lstrip()


@final
class Values:
    """Describes and checks values written by serializers."""

    def __init__(self, serializers: Serializers) -> None:
        self._serializers = serializers

    def describe(self, record: Stored) -> Described:
        value = written = problem = None
        try:
            value = repr(self._serializers.value(record))
        except UnknownManifestError:
            pass  # the stored form is enough
        except DecodeError as error:
            problem = f"cannot be read: {error}"
        if record.serializer == MSGPACK:
            try:
                written = content(record.payload)
            except DecodeError as error:
                problem = f"{len(record.payload)} bytes that are damaged: {error}"
        elif value is None:
            problem = problem or f"{len(record.payload)} bytes of {record.serializer}"
        return Described(value=value, content=written, problem=problem)

    def check(self, record: Stored) -> str | None:
        """The unknown type of a value, if it has one. Raises `DecodeError` for a value that cannot be read."""
        try:
            self._serializers.value(record)
        except UnknownManifestError as error:
            if record.serializer == MSGPACK:
                content(record.payload)
            return error.manifest
        return None
