"""How two nodes introduce themselves. Sans-IO: bodies of frames in, bodies of frames out.

The one that dials says Hello: who it is, which lane it wants, a nonce. The one that accepts answers with a Challenge:
who it is, the version that it chose, a nonce of its own. Then each proves that it knows the cluster's cookie: first the
dialer with a Proof, then the acceptor with the Welcome, after which they may exchange frames. A proof is the
HMAC-SHA256 under the cookie of the prover's role and of all of Hello and Challenge. So the cookie never travels; a
proof that was overheard is worth nothing, for the nonces are new each time; and one that is sent back to its prover is
worth nothing, for the roles differ. Whoever has no cookie proves nothing, and is turned away by those who have one.

Where the cookie is all there is, somebody between the two may still read and change what they say afterwards: that
takes TLS to prevent.
"""

import hmac
from struct import Struct, error
from typing import Final, NamedTuple, final

from casty.member import NodeId
from casty.spi.transport import Lane

from casty_transport_tcp.framing import Kind
from casty_transport_tcp.reasons import Ending, Reason

MAGIC: Final = b"CASTY\0"
OLDEST: Final = 1
NEWEST: Final = 1
"""Versions of what follows the handshake that this code speaks."""
NONCE_BYTES: Final = 32
MAX_BODY: Final = 4 << 10
"""Bytes of a frame from somebody who has not proved anything."""
MAX_NAME: Final = 1_000
"""Bytes of a cluster's or a host's name."""

_HELLO: Final = Struct("!6sBBB32s")
_CHALLENGE: Final = Struct("!6sB32s")
_NODE: Final = Struct("!QHH")
_LENGTH: Final = Struct("!H")
_LANES: Final = {Lane.control: 0, Lane.user: 1}
_DIALER, _ACCEPTOR = b"casty dialer\0", b"casty acceptor\0"


@final
class Identity:
    """Who this node is, and what it knows. It has no `repr` that would show the cookies."""

    __slots__ = ("cluster", "cookies", "node")

    def __init__(self, cluster: str, node: NodeId, cookies: tuple[bytes, ...]) -> None:
        self.cluster = cluster
        self.node = node
        self.cookies = cookies


class Peer(NamedTuple):
    """Whom the handshake was with, and for what."""

    node: NodeId
    lane: Lane


class Step(NamedTuple):
    """What to answer; once the peer is known, nothing more is to come."""

    kind: Kind | None = None
    body: bytes = b""
    peer: Peer | None = None


@final
class Dialing:
    """The side that connects. Each method raises `Ending` where the handshake has failed."""

    def __init__(self, me: Identity, lane: Lane, nonce: bytes) -> None:
        self._me = me
        self._lane = lane
        self._acceptor: NodeId | None = None
        self._challenge = b""
        self.hello: Final = _HELLO.pack(MAGIC, OLDEST, NEWEST, _LANES[lane], nonce) + _node(me.node) + _text(me.cluster)

    def received(self, kind: int, body: bytes) -> Step:
        if kind == Kind.challenge and self._acceptor is None:
            return self._challenged(body)
        if kind == Kind.welcome and self._acceptor is not None:
            return self._welcomed(self._acceptor, body)
        raise Ending(Reason.out_of_turn, f"kind {kind} during the handshake")

    def _challenged(self, body: bytes) -> Step:
        try:
            magic, version, _ = _CHALLENGE.unpack_from(body)
            self._acceptor, end = _read_node(body, _CHALLENGE.size)
        except (error, UnicodeDecodeError):
            raise _damaged("Challenge") from None
        if magic != MAGIC or end != len(body):
            raise _damaged("Challenge")
        if not OLDEST <= version <= NEWEST:
            raise Ending(Reason.wrong_version)
        self._challenge = body
        return Step(Kind.proof, _proof(self._me.cookies[:1], _DIALER, self.hello, body))

    def _welcomed(self, acceptor: NodeId, body: bytes) -> Step:
        if not hmac.compare_digest(body, _proof(self._me.cookies[:1], _ACCEPTOR, self.hello, self._challenge)):
            raise Ending(Reason.wrong_cookie)
        return Step(peer=Peer(acceptor, self._lane))


@final
class Accepting:
    """The side that is connected to. Each method raises `Ending` where the handshake has failed."""

    def __init__(self, me: Identity, nonce: bytes) -> None:
        self._me = me
        self._challenge = _CHALLENGE.pack(MAGIC, NEWEST, nonce) + _node(me.node)
        self._hello = b""
        self._peer: Peer | None = None

    def received(self, kind: int, body: bytes) -> Step:
        if kind == Kind.hello and self._peer is None:
            self._peer, self._hello = self._introduced(body), body
            return Step(Kind.challenge, self._challenge)
        if kind == Kind.proof and self._peer is not None:
            return Step(Kind.welcome, self._proved(body), self._peer)
        raise Ending(Reason.out_of_turn, f"kind {kind} during the handshake")

    def _introduced(self, body: bytes) -> Peer:
        try:
            magic, oldest, newest, lane, _ = _HELLO.unpack_from(body)
            node, at = _read_node(body, _HELLO.size)
            cluster, end = _read_text(body, at)
        except (error, UnicodeDecodeError):
            raise _damaged("Hello") from None
        if magic != MAGIC or end != len(body) or lane not in _LANES.values():
            raise _damaged("Hello")
        if not oldest <= NEWEST <= newest:
            raise Ending(Reason.wrong_version, f"it speaks {oldest} to {newest}, this node {OLDEST} to {NEWEST}")
        if cluster != self._me.cluster:
            raise Ending(Reason.wrong_cluster, f"it is of {cluster[:100]!r}, this node of {self._me.cluster!r}")
        if node.uid == self._me.node.uid:
            raise Ending(Reason.itself)
        return Peer(node, Lane.control if lane == _LANES[Lane.control] else Lane.user)

    def _proved(self, body: bytes) -> bytes:
        """The proof in return, with the cookie that the dialer used."""
        for known in [(cookie,) for cookie in self._me.cookies] or [()]:
            if hmac.compare_digest(body, _proof(known, _DIALER, self._hello, self._challenge)):
                return _proof(known, _ACCEPTOR, self._hello, self._challenge)
        raise Ending(Reason.wrong_cookie)


def _proof(cookies: tuple[bytes, ...], role: bytes, hello: bytes, challenge: bytes) -> bytes:
    """Under no cookie, one byte that proves nothing."""
    if not cookies:
        return b"\0"
    said = role + _LENGTH.pack(len(hello)) + hello + _LENGTH.pack(len(challenge)) + challenge
    return hmac.digest(cookies[0], said, "sha256")


def _damaged(what: str) -> Ending:
    return Ending(Reason.stranger, f"its {what} cannot be read")


def _node(node: NodeId) -> bytes:
    host = node.host.encode()
    return _NODE.pack(node.uid, node.port, len(host)) + host


def _read_node(body: bytes, at: int) -> tuple[NodeId, int]:
    uid, port, length = _NODE.unpack_from(body, at)
    at += _NODE.size
    host = _slice(body, at, length)
    if not host or not host.isprintable() or not port or not uid:
        raise error("nobody is called so")
    return NodeId(host, port, uid), at + length


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(body, at)
    at += _LENGTH.size
    return _slice(body, at, length), at + length


def _slice(body: bytes, at: int, length: int) -> str:
    if at + length > len(body):
        raise error("it is cut off")
    return body[at : at + length].decode()
