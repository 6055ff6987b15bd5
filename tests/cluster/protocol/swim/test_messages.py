"""What SWIM detectors say as bytes, and how often they say it."""

from casty_cluster.protocol.swim.opinions import Rumours
from casty_cluster.wire.swim import LONGEST_PAYLOAD, ROOM, Claim, Kind, Message, Rumour, decode, encode
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(0, 2**64 - 1)
RUMOURS = st.builds(Rumour, st.sampled_from(Claim), NUMBERS, st.integers(0, 2**31), NUMBERS)


@given(st.sampled_from(Kind), NUMBERS, NUMBERS, st.lists(RUMOURS, max_size=ROOM))
def test_messages_come_back_as_they_were(kind: Kind, number: int, target: int, rumours: list[Rumour]) -> None:
    message = Message(kind, number, target, rumours)
    payload = encode(message)
    assert len(payload) <= LONGEST_PAYLOAD
    assert decode(payload) == message


@given(st.binary(max_size=200))
def test_other_bytes_are_no_message(payload: bytes) -> None:
    assert decode(payload) is None or payload.startswith(b"swim")


def test_an_incarnation_that_cannot_be_is_not_believed() -> None:
    assert decode(encode(Message(Kind.gossip, 0, 0, [Rumour(Claim.dead, 1, 2**32 - 1, 2)]))) is None


def test_a_rumour_is_sent_as_often_as_the_cluster_needs() -> None:
    for members, times in ((2, 4), (9, 4), (10, 8), (99, 8), (100, 12)):
        rumours = Rumours()
        rumours.spread(Rumour(Claim.dead, 1, 0, 2))
        told = 0
        while rumours:
            told += len(rumours.take(members, ROOM))
        assert told == times


def test_the_least_spread_rumours_come_first() -> None:
    rumours = Rumours()
    first, second = Rumour(Claim.dead, 1, 0, 2), Rumour(Claim.dead, 3, 0, 2)
    rumours.spread(first)
    rumours.take(5, ROOM)
    rumours.spread(second)
    assert rumours.take(5, 1) == [second]
    assert rumours.take(5, ROOM) == [first, second]


def test_a_newer_rumour_takes_an_older_ones_place() -> None:
    rumours = Rumours()
    rumours.spread(Rumour(Claim.suspect, 1, 0, 2))
    rumours.spread(Rumour(Claim.alive, 1, 1, 1))
    assert rumours.take(5, ROOM) == [Rumour(Claim.alive, 1, 1, 1)]
