"""`Replicate` and `Acknowledge` as flat lists.

Nearly all messages between copies are one of the two, and a command waits for both. With the names of their types and
of those in them they would take two to three times as long to write and to read, and twice as many bytes.
"""

from typing import Any, Final, cast

from casty.errors import DecodeError
from casty.serialization.explain import short

from casty_cluster.wire.replication import Acknowledge, Epoch, Position, Replicate, Run

_REPLICATE: Final = (int, int, str, int, int, int, int, list)
"""The types of its values, in their order."""
_ACKNOWLEDGE: Final = (int, int, str, int)
_RUN: Final = (int, int, list)


def to_flat(message: Replicate | Acknowledge) -> list[Any]:
    """A list of numbers, texts, bytes and further lists of them."""
    if isinstance(message, Acknowledge):
        return [*message.epoch, message.entity, message.sequence_nr]
    epoch, sequence_nr = message.previous
    runs = [[counter, coordinator, list(payloads)] for counter, coordinator, payloads in message.runs]
    return [*message.epoch, message.entity, *epoch, sequence_nr, message.start, runs]


def from_flat(values: list[Any]) -> Replicate | Acknowledge:
    """Raises `DecodeError`."""
    types = _types(values)
    if types == _REPLICATE:
        counter, coordinator, entity, before, its_coordinator, last, start, runs = values
        return Replicate(
            epoch=Epoch(counter, coordinator),
            entity=entity,
            previous=Position(Epoch(before, its_coordinator), last),
            start=start,
            runs=tuple(map(_run, runs)),
        )
    if types == _ACKNOWLEDGE:
        counter, coordinator, entity, sequence_nr = values
        return Acknowledge(Epoch(counter, coordinator), entity, sequence_nr)
    raise DecodeError(f"{short(values)} is no message between copies: the bytes are damaged")


def _run(values: Any) -> Run:
    if _types(values) == _RUN and {bytes}.issuperset(_types(values[2])):
        counter, coordinator, payloads = values
        return counter, coordinator, tuple(payloads)
    raise DecodeError(f"{short(values)} is no run of events: the bytes are damaged")


def _types(values: object) -> tuple[type, ...]:
    """Those of the values of a list."""
    return (*map(type, cast("list[object]", values)),) if type(values) is list else ()
