"""The handshake: two that belong together come together, and nothing that is overheard, altered or sent back does."""

from dataclasses import dataclass, field

import pytest
from casty.member import NodeId
from casty.spi.transport import FIRST_VERSION, Lane, Versions
from casty_transport_tcp.framing import Kind
from casty_transport_tcp.handshake import NONCE_BYTES, Accepting, Dialing, Identity, Peer
from casty_transport_tcp.reasons import Ending, Reason
from hypothesis import given
from hypothesis import strategies as st

A, B = NodeId("10.0.0.1", 25520, 0xA), NodeId("node-b.example", 25521, 0xB)
COOKIE, OTHER = b"cookie of thirty-two bytes, or so", b"another one"
UNKNOWN_FIELDS = b"\x63\0\3new\xff\0\0"

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
        """The peer as the dialing side knows it, and as the accepting side does."""
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
    versions: tuple[Versions, Versions] = (FIRST_VERSION, FIRST_VERSION),
    accepts_clients: bool = False,
) -> Pair:
    one, other = (
        Identity(cluster, node, known, versions=spoken, accepts_clients=accepts_clients)
        for cluster, node, known, spoken in zip(clusters, nodes, cookies, versions, strict=True)
    )
    return Pair(Dialing(one, lane, nonce(nonces[0])), Accepting(other, nonce(nonces[1])))


def refusal(side: Dialing | Accepting, kind: int, body: bytes) -> Reason:
    with pytest.raises(Ending) as raised:
        side.received(kind, body)
    assert COOKIE.decode() not in repr(raised.value)
    return raised.value.reason


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("cookies", [((), ()), ((COOKIE,), (COOKIE,)), ((COOKIE, OTHER), (OTHER, COOKIE))])
def test_each_side_learns_the_identity_of_the_other_one_and_the_lane(
    lane: Lane, cookies: tuple[tuple[bytes, ...], tuple[bytes, ...]]
) -> None:
    assert pair(lane=lane, cookies=cookies).run() == (Peer(B, lane, 1), Peer(A, lane, 1))


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
    """Whatever it replies: it accepts all peers, but cannot prove anything."""
    honest, liar = pair(), pair(cookies=((), ()))
    challenge = liar.accepting.received(Kind.hello, honest.dialing.hello)
    assert honest.dialing.received(Kind.challenge, challenge.body).kind is Kind.proof
    for body in (b"\0", b"", bytes(32)):
        assert refusal(honest.dialing, Kind.welcome, body) is Reason.wrong_cookie


def test_another_cluster_is_refused_before_anything_is_proved() -> None:
    sides = pair(clusters=("shop", "bank"))
    with pytest.raises(Ending, match="the peer belongs to 'shop', this node to 'bank'") as raised:
        sides.accepting.received(Kind.hello, sides.dialing.hello)
    assert raised.value.reason is Reason.wrong_cluster


def test_a_node_does_not_let_itself_in() -> None:
    sides = pair(nodes=(A, A))
    assert refusal(sides.accepting, Kind.hello, sides.dialing.hello) is Reason.itself


@pytest.mark.parametrize(
    ("one", "other", "highest"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 2), (1, 1), 1),
        ((1, 1), (1, 2), 1),
        ((1, 3), (2, 4), 3),
        ((2, 2), (1, 255), 2),
    ],
)
def test_the_highest_common_version_is_used(one: tuple[int, int], other: tuple[int, int], highest: int) -> None:
    dialing, accepting = pair(versions=(Versions(*one), Versions(*other))).run()
    assert (dialing.version, accepting.version) == (highest, highest)


@pytest.mark.parametrize(("one", "other"), [((1, 1), (2, 3)), ((2, 3), (1, 1)), ((0, 0), (1, 255))])
def test_nodes_without_a_common_version_part(one: tuple[int, int], other: tuple[int, int]) -> None:
    sides = pair(versions=(Versions(*one), Versions(*other)))
    with pytest.raises(Ending, match=f"the peer speaks {Versions(*one)}, this node {Versions(*other)}") as raised:
        sides.accepting.received(Kind.hello, sides.dialing.hello)
    assert raised.value.reason is Reason.wrong_version


def test_an_acceptor_cannot_choose_a_version_that_was_not_offered() -> None:
    newer, older = pair(versions=(Versions(2, 3), Versions(2, 3))), pair()
    challenge = newer.accepting.received(Kind.hello, newer.dialing.hello).body
    assert refusal(older.dialing, Kind.challenge, challenge) is Reason.wrong_version


def test_a_version_cannot_be_lowered_by_an_attacker_in_between() -> None:
    sides = pair(versions=(Versions(1, 2), Versions(1, 2)))
    lowered = sides.dialing.hello.replace(b"CASTY\0\1\2", b"CASTY\0\1\1")
    challenge = sides.accepting.received(Kind.hello, lowered).body
    proof = sides.dialing.received(Kind.challenge, challenge).body
    assert refusal(sides.accepting, Kind.proof, proof) is Reason.wrong_cookie


def test_fields_of_a_newer_node_are_skipped() -> None:
    sides = pair()
    sides.dialing.hello += UNKNOWN_FIELDS
    assert sides.run() == (Peer(B, Lane.user, 1), Peer(A, Lane.user, 1))


def test_fields_of_a_newer_acceptor_are_skipped() -> None:
    sides = pair(cookies=((), ()))
    challenge = sides.accepting.received(Kind.hello, sides.dialing.hello).body + UNKNOWN_FIELDS
    sides.dialing.received(Kind.challenge, challenge)
    assert sides.dialing.received(Kind.welcome, b"\0").peer == Peer(B, Lane.user, 1)


@pytest.mark.parametrize("damaged", [b"\x63", b"\x63\0\4abc", b"\x63\0\0\x63\0\0"], ids=["tag", "value", "twice"])
def test_damaged_fields_are_refused(damaged: bytes) -> None:
    sides = pair()
    challenge = sides.accepting.received(Kind.hello, sides.dialing.hello).body
    assert refusal(pair().accepting, Kind.hello, sides.dialing.hello + damaged) is Reason.stranger
    assert refusal(sides.dialing, Kind.challenge, challenge + damaged) is Reason.stranger


def test_a_client_is_named_by_itself_and_by_no_address() -> None:
    client = NodeId("reports", 0, 0xC)
    assert pair(nodes=(client, B), accepts_clients=True).run()[1] == Peer(client, Lane.user, 1)
    assert client.is_client
    assert not B.is_client


def test_a_client_is_rejected_where_clients_are_not_accepted() -> None:
    sides = pair(nodes=(NodeId("reports", 0, 0xC), B))
    assert refusal(sides.accepting, Kind.hello, sides.dialing.hello) is Reason.no_clients


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:1", "a@b", "[::1]", "x" * 256, "\n", "é"])
def test_a_client_cannot_have_a_name_that_no_address_can_hold(name: str) -> None:
    sides = pair(nodes=(NodeId(name, 0, 0xC), B), accepts_clients=True)
    assert refusal(sides.accepting, Kind.hello, sides.dialing.hello) is Reason.stranger


def test_a_client_cannot_pass_for_a_node_nor_a_node_for_a_client() -> None:
    role = b"\1\0\1"
    as_node = pair(nodes=(NodeId("reports", 0, 0xC), B), accepts_clients=True)
    assert as_node.dialing.hello.endswith(role + b"\1")
    nameless = as_node.dialing.hello.removesuffix(role + b"\1")
    for hello in (nameless, nameless + role + b"\0", nameless + role + b"\2", pair().dialing.hello + role + b"\1"):
        fresh = pair(accepts_clients=True)
        assert refusal(fresh.accepting, Kind.hello, hello) is Reason.stranger


def test_an_acceptor_is_a_node() -> None:
    sides = pair(nodes=(A, NodeId("reports", 0, 0xC)))
    challenge = sides.accepting.received(Kind.hello, sides.dialing.hello).body
    assert refusal(sides.dialing, Kind.challenge, challenge) is Reason.stranger


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
    """Whichever byte of whichever message an attacker in between changes, one of the two sides notices."""
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
