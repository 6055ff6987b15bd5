"""Linearizable reads: answered by a primary that is certain, in rounds, and never by one that was replaced."""

from typing import Any

import pytest
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication.effects import Readable, Unreadable
from casty_cluster.protocol.replication.inputs import Read
from casty_cluster.protocol.replication.member import ACK_TIMEOUT, Member
from casty_cluster.protocol.replication.reads import BATCH, RESEND, Reads
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.wire.replication import Epoch, Verified, Verify, View

from tests.cluster.protocol.replication.group import led_by_a

E1 = Epoch(1, 7)


class Rounds:
    """The reads of A, in a view with that many other copies."""

    def __init__(self, replicas: int = 2, min_acks: int = 1, timeout: float = ACK_TIMEOUT) -> None:
        self.now = 0.0
        self.copies = tuple("ABCDE"[: 1 + replicas])
        self.reads = Reads("A", View(epoch=E1, copies=self.copies, min_acks=min_acks), timeout)

    def read(self, number: int, last: int = 0) -> list[Any]:
        return self._checked(self.reads.add(number, last, self.now))

    def reply(self, copy: str, round_: int) -> list[Any]:
        return self._checked(self.reads.verified(copy, Verified(E1, round_), self.now))

    def wait(self, seconds: float) -> list[Any]:
        self.now += seconds
        return self._checked(self.reads.tick(self.now))

    def _checked(self, effects: Any) -> list[Any]:
        self.reads.validate()
        return [getattr(effect, "message", effect) for effect in effects]


def test_a_read_is_answered_when_enough_copies_have_replied() -> None:
    rounds = Rounds(replicas=4, min_acks=2)
    assert rounds.read(1, 5) == [Verify(E1, 1)] * 4
    assert rounds.reply("B", 1) == rounds.reply("B", 1) == []
    assert rounds.reply("C", 1) == [Readable(1, 5)]
    assert rounds.reply("D", 1) == []
    assert rounds.reads.next_deadline() is None


def test_reads_that_come_during_a_round_share_the_next_one() -> None:
    rounds = Rounds()
    rounds.read(1)
    assert rounds.read(2, 7) == rounds.read(3, 8) == []
    assert rounds.reply("B", 1) == [Readable(1, 0), Verify(E1, 2), Verify(E1, 2)]
    assert rounds.reply("B", 2) == [Readable(2, 7), Readable(3, 8)]


def test_the_next_round_does_not_wait_long_for_the_one_before() -> None:
    rounds = Rounds()
    rounds.read(1)
    rounds.read(2)
    assert rounds.reads.next_deadline() == BATCH
    assert rounds.wait(BATCH) == [Verify(E1, 2)] * 2
    assert rounds.reply("C", 2) == [Readable(1, 0), Readable(2, 0)], "a reply is one to all rounds before it"


def test_a_reply_from_before_a_read_does_not_count() -> None:
    rounds = Rounds()
    rounds.read(1)
    rounds.reply("B", 1)
    rounds.read(2)
    assert rounds.reply("C", 1) == []
    assert rounds.reply("B", 2) == [Readable(2, 0)]


def test_a_round_that_is_lost_is_followed_by_another_one() -> None:
    rounds = Rounds()
    rounds.read(1)
    assert rounds.wait(RESEND) == [Verify(E1, 2)] * 2
    assert rounds.reply("B", 2) == [Readable(1, 0)]


def test_a_read_that_takes_too_long_fails_and_later_ones_go_on() -> None:
    rounds = Rounds(timeout=BATCH / 2)
    rounds.read(1)
    rounds.now = BATCH / 4
    rounds.read(2)
    effects = rounds.wait(BATCH / 4)
    assert [type(effect) for effect in effects] == [Unreadable, Verify, Verify]
    assert effects[0].read == 1
    assert rounds.reply("B", 2) == [Readable(2, 0)]


def test_without_other_copies_a_primary_is_certain() -> None:
    assert Rounds(replicas=0, min_acks=0).read(1, 3) == [Readable(1, 3)]


def test_without_acknowledgements_a_majority_is_needed() -> None:
    """With min_acks=0, a majority may make another primary without this one."""
    rounds = Rounds(replicas=4, min_acks=0)
    rounds.read(1)
    assert rounds.reply("B", 1) == []
    assert rounds.reply("C", 1) == [Readable(1, 0)]


# In a group


def test_a_read_shows_what_is_committed_when_it_arrives() -> None:
    group = led_by_a(events=2)
    group.append("A")
    group.read("A")
    group.run(without="C")
    assert group.of("A", Readable) == [Readable(0, 2)]
    group.read("A")
    group.run()
    assert group.of("A", Readable)[-1] == Readable(1, 3)


def test_an_old_primary_answers_no_read() -> None:
    group = led_by_a(events=1)
    group.promote("B")
    group.run(without="A")
    group.append("B")
    group.run(without="A")
    group.read("A")
    group.run()
    assert group.of("A", Readable) == []
    (unreadable,) = group.of("A", Unreadable)
    assert "promised a higher epoch" in unreadable.reason


def test_a_primary_that_is_cut_off_answers_no_read() -> None:
    group = led_by_a(events=1)
    group.read("A")
    group.run(without="BC", ticks=20)
    assert group.of("A", Readable) == []
    assert [effect.read for effect in group.of("A", Unreadable)] == [0]


def test_reads_end_with_their_primary() -> None:
    group = led_by_a(events=1)
    group.read("A")
    group.read("A")
    group.promote("A")
    assert [effect.read for effect in group.of("A", Unreadable)] == [0, 1]


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_copy_that_is_not_the_primary_answers_no_read(name: str) -> None:
    group = led_by_a(events=1)
    member = group.node("B").member if name == "B" else Member("A", Contents(), 1)
    assert member is not None
    (effect,) = member.handle(Read(7, "e0"), 0.0)
    assert effect == Unreadable(7, "this copy is not the primary of the shard")
    assert member.handle(Tick(), 0.0) == []
