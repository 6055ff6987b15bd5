"""The two messages that copies send most are flat lists: all of them come through, and nothing damaged does."""

from typing import Any

import pytest
from casty.errors import DecodeError
from casty_cluster.wire.appends import from_flat, to_flat
from casty_cluster.wire.copies import SERIALIZER, CopyFrame, read_copy_message
from casty_cluster.wire.replication import START, Acknowledge, Epoch, Position, Replicate, to_run

EPOCH = Epoch(2**40, 2**64 - 1)
APPEND = Replicate(
    epoch=EPOCH,
    entity="Zoë",
    previous=Position(Epoch(1, 7), 2**50),
    start=2**49,
    runs=((1, 7, (b"one", b"")), to_run(EPOCH, (bytes(1_000),))),
)
COMPARE = Replicate(epoch=EPOCH, entity="", previous=START, start=0, runs=())
STORED = Acknowledge(EPOCH, "Zoë", 2**50)


@pytest.mark.parametrize("message", [APPEND, COMPARE, STORED], ids=repr)
def test_a_message_is_the_same_when_it_is_read(message: Replicate | Acknowledge) -> None:
    read = from_flat(to_flat(message))
    assert read == message
    assert type(read.epoch) is Epoch
    assert isinstance(read, Acknowledge) or type(read.previous.epoch) is Epoch


@pytest.mark.parametrize("message", [APPEND, STORED], ids=["replicate", "acknowledge"])
@pytest.mark.parametrize("value", [None, True, 1.5, "1", b"1", [], {}], ids=repr)
def test_a_value_of_another_type_is_damage(message: Replicate | Acknowledge, value: object) -> None:
    flat = to_flat(message)
    for place, right in enumerate(flat):
        if type(value) is not type(right):
            expect_damage([*flat[:place], value, *flat[place + 1 :]])


@pytest.mark.parametrize(
    "run", [None, "run", [], [1, 7], [1, "7", []], [1, 7, "one"], [1, 7, [b"one", "two"]], [1, 7, [[b"one"]]]], ids=repr
)
def test_a_damaged_run_is_damage(run: object) -> None:
    flat = to_flat(COMPARE)
    expect_damage([*flat[:-1], [[1, 7, [b"one"]], run]])


def test_too_few_or_too_many_values_are_damage() -> None:
    for flat in map(to_flat, (APPEND, STORED)):
        expect_damage(flat[:-1])
        expect_damage([*flat, 0])
    expect_damage([])


def expect_damage(values: list[Any]) -> None:
    with pytest.raises(DecodeError, match="the bytes are damaged"):
        read_copy_message(CopyFrame("accounts", 1, "one", "two", SERIALIZER.dumps(values)))
