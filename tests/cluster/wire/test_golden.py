"""What some release has sent is read by this one, and what this one sends is what its golden files say."""

import pytest
from casty.errors import ActorFailedError, DecodeError, JournalUnavailableError
from casty_cluster.wire import codec, frames
from casty_cluster.wire.catalogue import CATALOGUE
from casty_cluster.wire.failures import FAILURES, failure, index_of
from casty_cluster.wire.permissions import NotAllowedError

from tests.cluster.wire.golden_files import stored, today
from tests.cluster.wire.samples import FRAMES, MESSAGES

SERIES = ("messages", "frames")


def golden(series: str) -> list[tuple[str, bytes]]:
    """Each sample of each file."""
    return [sample for samples in stored(series).values() for sample in samples.items()]


@pytest.mark.parametrize(("name", "data"), golden("messages"))
def test_golden_messages_are_read_as_what_they_are_today(name: str, data: bytes) -> None:
    message = codec.loads(data)
    assert message == MESSAGES[name]
    assert type(message) is type(MESSAGES[name])


@pytest.mark.parametrize(("name", "data"), golden("frames"))
def test_golden_frames_are_read_as_what_they_are_today(name: str, data: bytes) -> None:
    assert FRAMES[name].read(data) == FRAMES[name].value


@pytest.mark.parametrize("series", SERIES)
def test_today_the_newest_golden_bytes_are_written(series: str) -> None:
    """If this fails because a message has a further field, write a new file; if for anything else, nodes of two
    releases do not understand each other.
    """
    *_, newest = stored(series).values()
    assert today(series) == newest


def test_there_is_a_golden_one_of_each_message() -> None:
    assert {type(message) for message in MESSAGES.values()} == set(CATALOGUE.values())


def test_there_is_a_golden_one_of_each_kind_of_frame() -> None:
    assert {sample.frame[0] for sample in FRAMES.values()} == frames.KINDS.keys()


def test_the_indexes_of_failures_stay() -> None:
    """Nodes of all releases send these; only ever append to the list."""
    assert [kind.__name__ for kind in FAILURES] == [
        "ActorStoppedError",
        "ActorFailedError",
        "DecodeError",
        "MailboxFullError",
        "JournalError",
        "JournalUnavailableError",
        "JournalOverloadedError",
        "JournalClosedError",
        "JournalSetupError",
        "JournalSchemaError",
        "FencedError",
        "SequenceConflictError",
        "NodeLostError",
        "NodeDownedError",
        "SystemStoppedError",
        "SerializationError",
        "EncodeError",
        "OverloadedError",
        "ClientRefusedError",
        "ReplicationTimeoutError",
    ]


def test_a_failure_of_a_newer_node_is_a_failed_actor() -> None:
    assert type(failure(255, "newer")) is ActorFailedError
    assert type(failure(index_of(JournalUnavailableError("away")), "away")) is JournalUnavailableError
    assert type(failure(index_of(NotAllowedError("no")), "no")) is DecodeError
    assert type(failure(index_of(ValueError("no")), "no")) is ActorFailedError
