"""A fictitious program with one stored type, which changes from release to release."""

from collections.abc import Callable
from dataclasses import make_dataclass
from enum import Enum
from itertools import count
from typing import Any, Final, NamedTuple, cast

from casty.errors import DecodeError
from casty.ref import DetachedRef
from casty.serialization import REGISTRY
from casty.spi.serializer import Encoded
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.serializer.expectations import expect_refused
from casty.testing.conformance.serializer.registry import Create

_numbers: Final = count(1)


class Stored(NamedTuple):
    """A value stored by a release: by itself, and within another value."""

    encoded: Encoded
    dumped: bytes


class Program:
    """A program whose releases have a new serializer each, as separate processes would. Its type name is unique."""

    def __init__(self, create: Create) -> None:
        self._create = create
        self._kind = f"Type{next(_numbers)}"
        self.name = f"casty.conformance.{self._kind}"

    def release(self, version: int = 1, /, **fields: Any) -> Callable[..., Any]:
        """Release a version in which the type is a dataclass with these fields: each a type, or a type and a
        default.
        """
        specified: list[Any] = [
            (name, *(hint if isinstance(hint, tuple) else (hint,))) for name, hint in fields.items()
        ]
        return self._register(make_dataclass(self._kind, specified, frozen=True, module=__name__), version)

    def release_enum(self, version: int, *members: str) -> Any:
        """Release a version in which the type is an enum with these members."""
        return self._register(cast(type, Enum(self._kind, members, module=__name__)), version)

    def retire(self, version: int) -> None:
        """Unregister the name, so that it can be registered for a new type."""
        self.release(version, unrelated=int)

    def _register(self, kind: type, version: int) -> Callable[..., Any]:
        REGISTRY.register(kind, self.name, version)
        return kind

    def store(self, value: object) -> Stored:
        serializer = self._create(DetachedRef)
        return Stored(serializer.encode(value), serializer.dumps([value]))

    def expect(self, stored: Stored, value: object) -> None:
        """Expect this release to read a stored value as `value`."""
        serializer = self._create(DetachedRef)
        expect_equal("what was stored by itself", serializer.decode(*stored.encoded), value)
        expect_equal("what was stored in a list", serializer.loads(stored.dumped), [value])

    def expect_refusal(self, what: str, stored: Stored, *words: str) -> None:
        """Expect this release to refuse it with a `DecodeError` that contains the words."""
        serializer = self._create(DetachedRef)
        for read in (lambda: serializer.decode(*stored.encoded), lambda: serializer.loads(stored.dumped)):
            text = str(expect_refused(what, DecodeError, read))
            for word in words:
                expect(word in text, f"{what}: the error does not say {word!r}: {text}")
