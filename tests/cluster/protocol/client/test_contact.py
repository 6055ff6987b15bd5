"""The machine of a client: how it finds a contact, keeps it, and goes to another one without a loss."""

from collections.abc import Sequence
from random import Random
from typing import Final

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure
from casty_cluster.protocol.client import contact
from casty_cluster.protocol.client.contact import Contact
from casty_cluster.protocol.client.effects import (
    Abandon,
    ContactLost,
    Drop,
    Effect,
    Failure,
    Forward,
    Found,
    Send,
    Unreachable,
)
from casty_cluster.protocol.client.inputs import Begin, ConnectFailed, Hold, Input, Lost, Received
from casty_cluster.protocol.machine import Tick
from casty_cluster.wire.client import Attach, Attached, Detach, Detached, Leaving, Moved, Release

A: Final = NodeId("a", 1, 11)
B: Final = NodeId("b", 1, 12)
C: Final = NodeId("c", 1, 13)
NODES: Final = {node.address: node for node in (A, B, C)}


class Client:
    """A machine, its time, and short words for what nodes say to it."""

    def __init__(self, *nodes: NodeId, **bounds: int) -> None:
        self.machine = Contact([node.address for node in nodes], Random(1), **bounds)
        self.now = 100.0

    def take(self, given: Input | Tick) -> list[Effect]:
        effects = self.machine.handle(given, self.now)
        self.machine.validate()
        return effects

    def accept(
        self, effects: list[Effect], *, is_accepted: bool = True, knows: tuple[PeerAddress, ...] = ()
    ) -> list[Effect]:
        """The node that the last request went to replies."""
        to, number = requests(effects)[-1]
        return self.take(Received(NODES[to], Attached(number, is_accepted, knows)))

    def pass_deadline(self) -> list[Effect]:
        due = self.machine.next_deadline()
        assert due is not None
        self.now = max(self.now, due)
        return self.take(Tick())

    @classmethod
    def at(cls, node: NodeId, *others: NodeId) -> "Client":
        """A client whose contact is that node, and which knows the others."""
        client = cls(node)
        client.accept(client.take(Begin()), knows=tuple(other.address for other in others))
        assert client.machine.open == node
        return client


def requests(effects: list[Effect]) -> list[tuple[PeerAddress, int]]:
    return [
        (effect.to, effect.message.number)
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.message, Attach)
    ]


def asked(effects: list[Effect]) -> list[PeerAddress]:
    return [to for to, _ in requests(effects)]


def test_the_node_that_accepts_is_the_contact() -> None:
    client = Client(A)
    effects = client.take(Begin())
    assert effects == [Send(A.address, Attach(1))]
    assert client.machine.open is None
    assert client.accept(effects) == [Found(A)]
    assert client.machine.open == A


def test_contact_points_are_asked_one_after_the_other_until_one_accepts() -> None:
    client = Client(A, B, C)
    tried: list[PeerAddress] = []
    effects = client.take(Begin())
    while len(tried) < 2:
        tried += asked(effects)
        effects = client.take(ConnectFailed(tried[-1], ConnectFailure.refused, "nothing listens there"))
    (last,) = asked(effects)
    assert {*tried, last} == set(NODES)
    assert client.accept(effects) == [Found(NODES[last])]


def test_many_clients_start_at_different_contact_points() -> None:
    firsts = {asked(Contact(list(NODES), Random(seed)).handle(Begin(), 0.0))[0] for seed in range(20)}
    assert firsts == set(NODES)


def test_when_all_have_failed_the_failures_are_reported_and_the_pauses_grow() -> None:
    client = Client(A)
    effects, pauses = client.take(Begin()), list[float]()
    for _ in range(8):
        assert asked(effects) == [A.address]
        effects = client.take(ConnectFailed(A.address, ConnectFailure.rejected, "no common cookie"))
        assert effects == [Unreachable((Failure(A.address, "no common cookie", is_final=True),))]
        before = client.now
        effects = client.pass_deadline()
        pauses.append(client.now - before)
    assert pauses[0] < contact.FIRST_PAUSE
    assert pauses[4] > pauses[0]
    assert all(pause <= contact.LONGEST_PAUSE for pause in pauses)


def test_a_contact_point_that_does_not_reply_is_left_after_a_while() -> None:
    client = Client(A)
    client.take(Begin())
    effects = client.pass_deadline()
    assert effects == [Unreachable((Failure(A.address, "no reply within 3 s", is_final=False),))]
    assert client.now == 100.0 + contact.ATTEMPT


def test_a_reply_that_comes_too_late_changes_nothing() -> None:
    client = Client(A, B)
    first = client.take(Begin())
    second = client.pass_deadline()
    assert client.accept(first) == []
    assert client.machine.open is None
    assert client.accept(second) == [Found(NODES[asked(second)[0]])]


def test_the_failure_of_another_connection_does_not_count() -> None:
    client = Client(A)
    client.take(Begin())
    assert client.take(ConnectFailed(B.address, ConnectFailure.refused, "nothing listens there")) == []
    assert client.take(Lost(B, "it broke")) == []


def test_a_node_that_is_about_to_leave_does_not_become_the_contact() -> None:
    client = Client(A, B)
    first = client.take(Begin())
    second = client.accept(first, is_accepted=False)
    assert asked(second) != asked(first)
    assert client.accept(second) == [Found(NODES[asked(second)[0]])]


def test_messages_wait_for_a_contact_in_order() -> None:
    client = Client(A)
    effects = client.take(Begin())
    for frame in (b"1", b"2", b"3"):
        assert client.take(Hold(frame, client.now + 5.0)) == []
    assert client.accept(effects) == [Found(A), Forward(A, b"1"), Forward(A, b"2"), Forward(A, b"3")]


def test_a_message_is_dropped_at_its_deadline_and_not_sent_after_it() -> None:
    client = Client(A)
    effects = client.take(Begin())
    client.take(Hold(b"ask", client.now + 1.0))
    client.take(Hold(b"tell", client.now + 60.0))
    client.now += 1.0
    assert client.take(Tick()) == [Drop(b"ask", has_expired=True)]
    assert client.accept(effects) == [Found(A), Forward(A, b"tell")]


def test_a_message_whose_deadline_passed_unnoticed_is_not_sent() -> None:
    """The process was paused, and the contact's reply is handled before the timer."""
    client = Client(A)
    effects = client.take(Begin())
    client.take(Hold(b"ask", client.now + 1.0))
    client.now += 2.0
    assert client.accept(effects) == [Drop(b"ask", has_expired=True), Found(A)]


@pytest.mark.parametrize("bounds", [{"capacity": 2}, {"max_bytes": 2}])
def test_waiting_messages_are_bounded_by_number_and_by_bytes(bounds: dict[str, int]) -> None:
    client = Client(A, **bounds)
    client.take(Begin())
    client.take(Hold(b"1", 200.0))
    client.take(Hold(b"2", 200.0))
    assert client.take(Hold(b"3", 200.0)) == [Drop(b"3", has_expired=False)]
    assert client.machine.close() == [b"1", b"2"]


def test_a_lost_contact_is_reported_and_replaced_by_a_node_that_it_has_named() -> None:
    client = Client.at(A, B)
    first, *search = client.take(Lost(A, "it broke"))
    assert first == ContactLost(A, "it broke")
    assert client.machine.open is None
    second = client.take(ConnectFailed(asked(search)[0], ConnectFailure.refused, "nothing listens there"))
    assert {*asked(search), *asked(second)} == {A.address, B.address}


def test_the_loss_of_an_earlier_incarnation_does_not_count() -> None:
    client = Client.at(A)
    assert client.take(Lost(A._replace(uid=99), "it was replaced")) == []
    assert client.machine.open == A


def test_a_contact_that_leaves_three_requests_unanswered_is_lost() -> None:
    client = Client.at(A)
    for _ in range(contact.UNANSWERED):
        assert asked(client.pass_deadline()) == [A.address]
    effects = client.pass_deadline()
    assert effects[0] == ContactLost(A, "it has not replied for 6 s")
    assert effects[-1] == Abandon(A)
    assert client.now == 100.0 + contact.INTERVAL * (contact.UNANSWERED + 1)


def test_a_contact_that_replies_stays() -> None:
    client = Client.at(A)
    for _ in range(10):
        assert client.accept(client.pass_deadline()) == []
    assert client.machine.open == A


def test_a_client_that_was_paused_does_not_blame_its_contact() -> None:
    client = Client.at(A)
    client.now += 1_000.0
    assert asked(client.take(Tick())) == [A.address]
    assert client.machine.open == A


def released(client: Client, node: NodeId) -> int:
    """The node releases the client, which detaches; the number of that."""
    detach = client.take(Received(node, Release()))[-1]
    assert isinstance(detach, Send)
    assert isinstance(detach.message, Detach)
    assert detach == Send(node.address, Detach(detach.message.number))
    return detach.message.number


def test_a_leaving_contact_is_kept_for_entities_until_all_messages_have_arrived() -> None:
    client = Client.at(A, B)
    search = client.take(Received(A, Leaving()))
    assert asked(search) == [B.address]
    assert (client.machine.open, client.machine.open_for_entities) == (A, A)
    assert client.accept(search) == [Send(A.address, Moved())]
    assert (client.machine.open, client.machine.open_for_entities) == (B, A)
    number = released(client, A)
    assert (client.machine.open, client.machine.open_for_entities) == (B, None)
    assert client.take(Hold(b"next", 200.0)) == []
    assert client.take(Received(A, Detached(number + 1))) == []
    assert client.take(Received(A, Detached(number))) == [Found(B), Forward(B, b"next")]


def test_a_client_that_is_released_before_another_node_has_accepted_waits_for_both() -> None:
    client = Client.at(A, B)
    search = client.take(Received(A, Leaving()))
    number = released(client, A)
    client.take(Hold(b"next", 200.0))
    assert client.take(Received(A, Detached(number))) == []
    assert client.accept(search) == [Found(B), Forward(B, b"next")]


def test_a_client_is_released_although_the_first_notice_was_lost() -> None:
    client = Client.at(A, B)
    search, detach = client.take(Received(A, Release()))
    assert asked([search]) == [B.address]
    assert isinstance(detach, Send)
    assert isinstance(detach.message, Detach)
    assert client.take(Received(A, Release())) == []


def test_a_contact_whose_notice_was_lost_says_it_in_its_reply() -> None:
    client = Client.at(A, B)
    assert asked(client.accept(client.pass_deadline(), is_accepted=False, knows=(B.address,))) == [B.address]
    assert client.machine.open == A


def test_if_no_other_node_accepts_the_leaving_contact_is_used_until_it_has_gone() -> None:
    client = Client.at(A, B)
    client.take(Received(A, Leaving()))
    effects = client.take(ConnectFailed(B.address, ConnectFailure.refused, "nothing listens there"))
    assert effects == [Unreachable((Failure(B.address, "nothing listens there", is_final=False),))]
    assert client.machine.open == A
    assert client.take(Received(A, Leaving())) == []
    assert client.take(Lost(A, "it has left")) == [ContactLost(A, "it has left")]
    assert asked(client.pass_deadline()) in ([A.address], [B.address])


@pytest.mark.parametrize("end", ["lost", "late"])
def test_a_move_ends_without_the_old_contact_too(end: str) -> None:
    client = Client.at(A, B)
    client.accept(client.take(Received(A, Leaving())))
    released(client, A)
    client.take(Hold(b"next", 200.0))
    if end == "lost":
        effects = client.take(Lost(A, "it broke"))
        assert effects == [ContactLost(A, "it broke"), Found(B), Forward(B, b"next")]
    else:
        client.now += contact.MOVE
        effects = client.take(Tick())
        assert effects[:2] == [Found(B), Forward(B, b"next")]
    assert client.machine.open == B


def test_a_next_contact_that_is_lost_during_a_move_is_replaced() -> None:
    client = Client.at(A, B, C)
    first = client.take(Received(A, Leaving()))
    client.accept(first, knows=(B.address, C.address))
    number = released(client, A)
    second = client.take(Lost(NODES[asked(first)[0]], "it broke"))
    assert asked(second)[0] in (B.address, C.address)
    assert client.accept(second) == []
    assert client.take(Received(A, Detached(number))) == [Found(NODES[asked(second)[0]])]


def test_a_next_contact_that_leaves_too_is_used_until_a_third_node_has_accepted() -> None:
    client = Client.at(A, B, C)
    first = client.take(Received(A, Leaving()))
    second, third = (B, C) if asked(first) == [B.address] else (C, B)
    client.accept(first, knows=(B.address, C.address))
    search = client.take(Received(second, Leaving()))
    assert asked(search) == [third.address]
    assert client.machine.open == second
    (detach,) = client.accept(search)
    assert isinstance(detach, Send)
    assert detach.to == second.address
    assert isinstance(detach.message, Detach)
    assert (client.machine.open, client.machine.open_for_entities) == (third, A)


def test_a_node_that_counts_on_a_client_which_has_gone_elsewhere_is_released() -> None:
    client = Client.at(A)
    (reply,) = client.take(Received(B, Leaving()))
    assert isinstance(reply, Send)
    assert isinstance(reply.message, Detach)
    assert reply == Send(B.address, Detach(reply.message.number))
    assert client.machine.open == A


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_messages_keep_their_order_and_a_contact_is_found_in_the_end(seed: int) -> None:
    """Nodes reply, fail, leave and come back at random. Messages for entities are forwarded once, in order."""
    random = Random(seed)
    client = Client(A, B, C)
    sent, arrived, dropped = 0, list[int](), list[int]()
    pending = client.take(Begin())

    def note(effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Forward):
                arrived.append(int(effect.frame))
            elif isinstance(effect, Drop):
                dropped.append(int(effect.frame))

    for _ in range(200):
        client.now += random.choice((0.0, 0.0, 0.1, 1.0))
        node = random.choice((A, B, C))
        out = [effect for effect in pending if isinstance(effect, Send)]
        request = out[-1] if out else None
        match random.randrange(8):
            case 0 | 1 if request is not None and isinstance(request.message, Attach):
                reply = Attached(request.message.number, random.random() < 0.8, (B.address, C.address))
                effects = client.take(Received(NODES[request.to], reply))
            case 2 if request is not None and isinstance(request.message, Detach):
                effects = client.take(Received(NODES[request.to], Detached(request.message.number)))
            case 3:
                effects = client.take(Lost(node, "it broke"))
            case 4:
                effects = client.take(ConnectFailed(node.address, random.choice(list(ConnectFailure)), "no"))
            case 5:
                effects = client.take(Received(node, random.choice((Leaving(), Release()))))
            case 6:
                sent += 1
                contact_now = client.machine.open_for_entities
                frame = str(sent).encode()
                deadline = client.now + random.choice((0.5, 30.0))
                effects = client.take(Hold(frame, deadline)) if contact_now is None else [Forward(contact_now, frame)]
            case _:
                effects = client.take(Tick())
        note(effects)
        pending = effects if any(isinstance(effect, Send) for effect in effects) else pending
    for _ in range(50):  # now every node replies
        effects = client.pass_deadline()
        note(effects)
        while isinstance(last := effects[-1] if effects else None, Send):
            match last.message:
                case Detach(number):
                    said = Detached(number)
                case Attach(number):
                    said = Attached(number, True, ())
                case Moved():
                    said = Release()
            effects = client.take(Received(NODES[last.to], said))
            note(effects)
    assert client.machine.open_for_entities is not None
    assert arrived == sorted(set(arrived))
    assert sorted((*arrived, *dropped)) == list(range(1, sent + 1))
