"""Snapshots that cannot be encoded: a shortcut less, and nothing else."""

from dataclasses import dataclass
from typing import Any, cast, override

import pytest
from casty import ActorRef, ActorSystem, Behavior, Behaviors, EncodeError, InMemoryJournal, SnapshotEvery
from casty.journal import EventJournal
from casty.spi.serializer import Encoded

from tests.core.persistence.fakes import JsonSerializer
from tests.core.persistence.ledger import Add, HandJournal, adding


def _length(value: object) -> int:
    """That of a state; events are texts."""
    return len(cast("list[str]", value)) if isinstance(value, list) else 0


class Small(JsonSerializer):
    """Refuses a state of three letters, for whatever reason a serializer may have."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    @override
    def encode(self, value: object) -> Encoded:
        if _length(value) == 3:
            raise self.failure
        return super().encode(value)


@dataclass(frozen=True)
class Length:
    """How long the state is."""

    reply_to: ActorRef[int]


async def on_command(_ctx: object, state: list[str], command: Add | Length) -> Behavior[Any]:
    if isinstance(command, Length):
        command.reply_to.tell(len(state))
        return Behaviors.same()
    return Behaviors.persisted([command.text], reply=(command.reply_to, "".join([*state, command.text])))


def add(state: list[str], event: str) -> list[str]:
    return [*state, event]


def growing(journal: EventJournal, policy: SnapshotEvery | None = None) -> Behavior[Any]:
    return Behaviors.event_sourced(
        entity_id="growing",
        journal=journal,
        initial_state=list[str],
        on_event=add,
        on_command=on_command,
        snapshot_policy=policy or SnapshotEvery(1),
    )


@pytest.mark.parametrize("failure", [EncodeError("too large"), ValueError(), BaseException("strange")])
async def test_a_state_that_cannot_be_a_snapshot_is_one_warning_and_no_failure(
    caplog: pytest.LogCaptureFixture, failure: BaseException
) -> None:
    journal = InMemoryJournal(serializer=Small(failure))
    async with ActorSystem() as system:
        ref = system.spawn(growing(journal))
        for text, so_far in (("a", "a"), ("b", "ab"), ("c", "abc")):
            assert await system.ask(ref, adding(text)) == so_far
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert "the state of growing cannot be saved as a snapshot" in warning.getMessage()
    async with ActorSystem() as system:
        assert await system.ask(system.spawn(growing(journal)), Length) == 3


async def test_a_state_that_cannot_be_a_snapshot_is_tried_ever_more_rarely(system: ActorSystem) -> None:
    tried = list[int]()

    class Counting(Small):
        @override
        def encode(self, value: object) -> Encoded:
            if length := _length(value):
                tried.append(length)
                raise self.failure
            return super().encode(value)

    ref = system.spawn(growing(InMemoryJournal(serializer=Counting(EncodeError("too large"))), SnapshotEvery(2)))
    for _ in range(1_000):
        await system.ask(ref, adding("a"))
    assert tried == [2, 6, 14, 30, 62, 126, 254, 382, 510, 638, 766, 894]


async def test_the_warning_comes_once_until_a_snapshot_can_be_saved_again(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    class Fickle(Small):
        lengths = (2, 3, 5)

        @override
        def encode(self, value: object) -> Encoded:
            if _length(value) in self.lengths:
                raise self.failure
            return JsonSerializer.encode(self, value)

    journal = InMemoryJournal(serializer=Fickle(EncodeError("too large")))
    ref = system.spawn(growing(journal))
    for text in "abcdef":
        await system.ask(ref, adding(text))
    assert len(caplog.records) == 2


async def test_a_state_that_cannot_be_copied_for_a_plain_journal_is_no_failure_either(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    class Uncopyable(list[str]):
        def __deepcopy__(self, memo: object) -> "Uncopyable":
            raise TypeError("cannot be copied")

    def add_uncopyable(state: Uncopyable, event: str) -> Uncopyable:
        return Uncopyable([*state, event])

    journal = HandJournal()
    behavior = Behaviors.event_sourced(
        entity_id="growing",
        journal=journal,
        initial_state=Uncopyable,
        on_event=add_uncopyable,
        on_command=on_command,
        snapshot_policy=SnapshotEvery(1),
    )
    assert await system.ask(system.spawn(behavior), adding("a")) == "a"
    assert (journal.stored(), journal.snapshots) == (["a"], [])
    assert "cannot be copied" in caplog.text
