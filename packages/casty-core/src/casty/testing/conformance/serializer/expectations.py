"""Expectations of the checks of serializers."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, time
from typing import Any, Final, cast

from casty.errors import SerializationError
from casty.ref import ActorRef
from casty.spi.serializer import Serializer
from casty.testing.conformance.expectations import expect_equal, short

SEED: Final = 20240229
"""The seed of all random values, so that failures are reproducible."""


def expect_refused[E: SerializationError](what: str, error: type[E], call: Callable[[], object]) -> E:
    """Return the expected error; no other may be raised."""
    try:
        result = call()
    except error as refusal:
        return refusal
    except Exception as other:
        text = short(str(other))
        raise AssertionError(f"{what}: wanted {error.__name__}, there is {type(other).__name__}: {text}") from other
    raise AssertionError(f"{what}: wanted {error.__name__}, there is {short(result)}")


def expect_round_trip(serializer: Serializer, value: object) -> None:
    """Expect a round trip in both ways in which a value can be stored."""
    for back in (serializer.loads(serializer.dumps(value)), serializer.decode(*serializer.encode(value))):
        expect_equal("what came back", exact(back), exact(value))


def exact(value: object) -> object:
    """A form that distinguishes equal values: `True` and `1`, a point and a tuple, `0.0` and `-0.0`."""
    return _exact(value, type(value))


def _exact(value: Any, kind: Any) -> object:
    if isinstance(value, ActorRef):
        return ActorRef, cast(ActorRef[Any], value).address
    if is_dataclass(kind):
        return kind, [exact(getattr(value, field.name)) for field in fields(kind)]
    if kind is dict:
        return kind, [(exact(name), exact(item)) for name, item in value.items()]
    if kind in (set, frozenset):
        return kind, sorted(repr(exact(item)) for item in value)
    if isinstance(value, tuple | list):
        return repr(kind), [exact(item) for item in cast(Sequence[object], value)]
    if kind in (datetime, time):
        return kind, value.isoformat(), value.fold if value.tzinfo is None else 0
    return kind, repr(value)
