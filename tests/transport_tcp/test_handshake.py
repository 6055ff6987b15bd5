"""The handshake: two that belong together come together, and nothing that is overheard, altered or sent back does."""

from dataclasses import dataclass, field

import pytest
from casty.member import NodeId
from casty.spi.transport import Lane
from casty_transport_tcp import handshake
from casty_transport_tcp.framing import Kind
from casty_transport_tcp.handshake import NONCE_BYTES, Accepting, Dialing, Identity, Peer
from casty_transport_tcp.reasons import Ending, Reason
from hypothesis import given
from hypothesis import strategies as st

A, B = NodeId("10.0.0.1", 25520, 0xA), NodeId("node-b.example", 25521, 0xB)
COOKIE, OTHER = b"cookie of thirty-two bytes, or so", b"another one"

type Message = tuple[int, bytes]


def nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES)


@dataclass
class Pair:
    """A dialing and an accepting side with a wire between them that a test may read and write."""

    dialing: Dialing
    accepting: Accepting
    wire: list[Message] = field(default_factory=list[Message])

    def run(self) -> tuple[Peer, Peer]:
        """Who each side says that the other is: first what the dialing one says."""
        self.wire.append((Kind.hello, self.dialing.hello))
        challenge = self._answer(self.accepting, self.wire[-1])
        proof = self._answer(self.dialing, challenge)
        step = self.accepting.received(*proof)
        assert step.kind is not None
        assert step.peer is not None
        self.wire.append((step.kind, step.body))
        welcomed = self.dialing.received(step.kind, step.body)
        assert welcomed.peer is not None
        assert welcomed.kind is None
        return welcomed.peer, step.peer

    def _answer(self, side: Dialing | Accepting, message: Message) -> Message:
        step = side.received(*message)
        assert step.kind is not None
        assert step.peer is None
        self.wire.append((step.kind, step.body))
        return step.kind, step.body


def pair(
    *,
    cookies: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((COOKIE,), (COOKIE,)),
    clusters: tuple[str, str] = ("shop", "shop"),
    nodes: tuple[NodeId, NodeId] = (A, B),
    lane: Lane = Lane.user,
    nonces: tuple[int, int] = (1, 2),
) -> Pair:
    one, other = (Identity(*each) for each in zip(clusters, nodes, cookies, strict=True))
    return Pair(Dialing(one, lane, nonce(nonces[0])), Accepting(other, nonce(nonces[1])))


def refusal(side: Dialing | Accepting, kind: int, body: bytes) -> Reason:
    with pytest.raises(Ending) as raised:
        side.received(kind, body)
    assert COOKIE.decode() not in repr(raised.value)
    return raised.value.reason


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("cookies", [((), ()), ((COOKIE,), (COOKIE,)), ((COOKIE, OTHER), (OTHER, COOKIE))])
def test_each_learns_who_the_other_is_and_on_which_lane(
    lane: Lane, cookies: tuple[tuple[bytes, ...], tuple[bytes, ...]]
) -> None:
    assert pair(lane=lane, cookies=cookies).run() == (Peer(B, lane), Peer(A, lane))


@pytest.mark.parametrize(
    ("cookies", "reason"),
    [
        (((COOKIE,), (OTHER,)), Reason.wrong_cookie),
        (((COOKIE,), ()), Reason.wrong_cookie),
        (((), (COOKIE,)), Reason.wrong_cookie),
        (((OTHER, COOKIE), (COOKIE,)), Reason.wrong_cookie),
    ],
)
def test_the_first_cookie_of_the_dialing_side_must_be_known(
    cookies: tuple[tuple[bytes, ...], tuple[bytes, ...]], reason: Reason
) -> None:
    with pytest.raises(Ending) as raised:
        pair(cookies=cookies).run()
    assert raised.value.reason is reason


def test_an_accepting_side_without_the_cookie_is_found_out() -> None:
    """Whatever it answers: it lets everybody in, but cannot prove anything."""
    honest, liar = pair(), pair(cookies=((), ()))
    challenge = liar.accepting.received(Kind.hello, honest.dialing.hello)
    assert honest.dialing.received(Kind.challenge, challenge.body).kind is Kind.proof
    for body in (b"\0", b"", bytes(32)):
        assert refusal(honest.dialing, Kind.welcome, body) is Reason.wrong_cookie


def test_another_cluster_is_refused_before_anything_is_proved() -> None:
    sides = pair(clusters=("shop", "bank"))
    with pytest.raises(Ending, match="it is of 'shop', this node of 'bank'") as raised:
        sides.accepting.received(Kind.hello, sides.dialing.hello)
    assert raised.value.reason is Reason.wrong_cluster


def test_a_node_does_not_let_itself_in() -> None:
    sides = pair(nodes=(A, A))
    assert refusal(sides.accepting, Kind.hello, sides.dialing.hello) is Reason.itself


def test_nodes_without_a_common_version_part(monkeypatch: pytest.MonkeyPatch) -> None:
    old = pair()
    monkeypatch.setattr(handshake, "OLDEST", 2)
    monkeypatch.setattr(handshake, "NEWEST", 3)
    new = pair()
    assert refusal(new.accepting, Kind.hello, old.dialing.hello) is Reason.wrong_version
    challenge = new.accepting.received(Kind.hello, new.dialing.hello).body
    monkeypatch.undo()
    assert refusal(old.dialing, Kind.challenge, challenge) is Reason.wrong_version


def test_what_was_overheard_is_worth_nothing() -> None:
    """A whole handshake, replayed to the same two nodes, whose nonces are new."""
    heard = pair()
    heard.run()
    messages = dict(heard.wire)
    again = pair(nonces=(3, 4))
    again.accepting.received(Kind.hello, messages[Kind.hello])
    assert refusal(again.accepting, Kind.proof, messages[Kind.proof]) is Reason.wrong_cookie
    again.dialing.received(Kind.challenge, messages[Kind.challenge])
    assert refusal(again.dialing, Kind.welcome, messages[Kind.welcome]) is Reason.wrong_cookie


def test_what_is_sent_back_is_worth_nothing() -> None:
    """To a node that waits for a proof, its own, made in another handshake or in the same."""
    sides = pair()
    challenge = sides.accepting.received(Kind.hello, sides.dialing.hello).body
    proof = sides.dialing.received(Kind.challenge, challenge).body
    assert refusal(sides.dialing, Kind.welcome, proof) is Reason.wrong_cookie
    welcome = sides.accepting.received(Kind.proof, proof).body
    fresh = pair()
    fresh.accepting.received(Kind.hello, fresh.dialing.hello)
    assert refusal(fresh.accepting, Kind.proof, welcome) is Reason.wrong_cookie


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.hello])
def test_an_accepting_side_hears_a_hello_first(kind: Kind) -> None:
    assert refusal(pair().accepting, kind, b"x" * 100) is Reason.out_of_turn


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.challenge])
def test_a_dialing_side_hears_a_challenge_first(kind: Kind) -> None:
    assert refusal(pair().dialing, kind, b"x" * 100) is Reason.out_of_turn


def test_each_step_is_taken_once() -> None:
    sides = pair()
    challenge = sides.accepting.received(Kind.hello, sides.dialing.hello).body
    assert refusal(sides.accepting, Kind.hello, sides.dialing.hello) is Reason.out_of_turn
    sides.dialing.received(Kind.challenge, challenge)
    assert refusal(sides.dialing, Kind.challenge, challenge) is Reason.out_of_turn


@given(st.data())
def test_an_altered_message_is_refused(drawn: st.DataObject) -> None:
    """Whichever byte of whichever message somebody in between changes, one side or the other notices."""
    sides = pair()
    at = drawn.draw(st.integers(min_value=0, max_value=3))

    def altered(number: int, body: bytes) -> bytes:
        if number != at:
            return body
        place = drawn.draw(st.integers(min_value=0, max_value=len(body) - 1))
        flipped = body[place] ^ drawn.draw(st.integers(min_value=1, max_value=255))
        return body[:place] + bytes([flipped]) + body[place + 1 :]

    def run() -> None:
        challenge = sides.accepting.received(Kind.hello, altered(0, sides.dialing.hello)).body
        proof = sides.dialing.received(Kind.challenge, altered(1, challenge)).body
        welcome = sides.accepting.received(Kind.proof, altered(2, proof)).body
        sides.dialing.received(Kind.welcome, altered(3, welcome))

    with pytest.raises(Ending) as raised:
        run()
    assert raised.value.reason in {
        Reason.stranger,
        Reason.wrong_version,
        Reason.wrong_cluster,
        Reason.wrong_cookie,
        Reason.itself,
    }


@given(st.sampled_from(list(Kind)), st.binary(max_size=300))
def test_any_bytes_are_refused(kind: Kind, body: bytes) -> None:
    sides = pair()
    for side in (sides.dialing, sides.accepting):
        with pytest.raises(Ending):
            side.received(kind, body)


def test_an_identity_does_not_show_its_cookies() -> None:
    identity = Identity("shop", A, (COOKIE,))
    sides = pair()
    sides.run()
    assert COOKIE.decode() not in f"{identity!r} {sides!r} {sides.wire!r}"
