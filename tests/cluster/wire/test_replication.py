"""Events and positions of many entities name each epoch once."""

from casty.serialization import MsgpackSerializer
from casty_cluster.wire.replication import (
    BEFORE,
    START,
    Entry,
    Epoch,
    Position,
    Replicate,
    from_positions,
    to_entries,
    to_positions,
    to_runs,
)

E1, E2 = Epoch(1, 7), Epoch(2**40, 2**64 - 1)
ENTRIES = (Entry(E1, b"1"), Entry(E1, b""), Entry(E2, b"3"), Entry(E1, b"4"))
POSITIONS = {"a": Position(E1, 1), "b": Position(E2, 2**50), "": Position(E1, 3), "new": START}


def test_runs_hold_the_same_entries() -> None:
    runs = to_runs(ENTRIES)
    assert runs == ((*E1, (b"1", b"")), (*E2, (b"3",)), (*E1, (b"4",)))
    assert to_entries(runs) == ENTRIES
    assert (to_runs(()), to_entries(())) == ((), ())
    message = Replicate(epoch=E2, entity="x", previous=START, start=0, runs=runs)
    assert (message.entries, message.count) == (ENTRIES, 4)


def test_positions_by_epoch_are_the_same_positions() -> None:
    positions = to_positions(POSITIONS.items())
    assert positions == ((*E1, {"a": 1, "": 3}), (*E2, {"b": 2**50}), (*BEFORE, {"new": 0}))
    assert dict(from_positions(positions)) == POSITIONS


def test_another_event_of_an_epoch_takes_two_bytes_beside_its_payload() -> None:
    dumps = MsgpackSerializer(strict=True).dumps
    few, many = (len(dumps(to_runs([Entry(E2, b"0123456789")] * count))) for count in (2, 12))
    assert many - few == 10 * (10 + 2)


def test_another_position_of_an_epoch_takes_few_bytes_beside_its_name() -> None:
    dumps = MsgpackSerializer(strict=True).dumps
    few, many = (len(dumps(to_positions((f"e{n:04}", Position(E2, 1_000)) for n in range(count)))) for count in (2, 12))
    assert many - few == 10 * (5 + 1 + 3)
