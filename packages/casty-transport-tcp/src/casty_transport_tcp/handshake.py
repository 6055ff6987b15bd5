"""The handshake of a connection. Sans-IO: bodies of frames in, bodies of frames out.

1. The dialing side sends Hello: its identity, the versions of the protocol that it speaks, the lane, and a nonce.
2. The accepting side replies with Challenge: its identity, the highest version that both speak, and a nonce.
3. The dialing side sends Proof, and the accepting side Welcome: each proves that it knows the cluster's cookie.

A proof is the HMAC-SHA256, under the cookie, of the prover's role and of all of Hello and Challenge. The cookie itself
is never sent. An overheard proof is useless, since the nonces are new each time; a proof that is sent back to its
prover is useless, since the roles differ. An attacker in between cannot lower the version that the two settle on, since
the proofs cover it. A side without a cookie proves nothing, and is rejected by one that has a cookie.

A cookie alone does not protect what is sent afterwards: an attacker between two nodes can read and change it. TLS does.

Hello and Challenge end with fields, each `u8 tag | u16 length | value`. A receiver skips tags that it does not know, so
that newer nodes can add some. The layout of all that comes before them never changes.
"""

import hmac
import re
from collections.abc import Mapping
from struct import Struct, error
from typing import Final, NamedTuple, final

from casty.member import NodeId
from casty.spi.transport import FIRST_VERSION, Lane, Versions

from casty_transport_tcp.framing import Kind
from casty_transport_tcp.reasons import Ending, Reason, no_common_version

MAGIC: Final = b"CASTY\0"
NONCE_BYTES: Final = 32
MAX_BODY: Final = 4 << 10
"""Bytes of a frame from a peer that has not proved anything."""
MAX_NAME: Final = 1_000
"""Bytes of a cluster's or a host's name."""

ROLE: Final = 1
"""The tag of the field with the peer's role; a peer without it is a node of the cluster."""
_NODE_ROLE, _CLIENT_ROLE = b"\0", b"\1"
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
"""It takes a host's place in addresses, in URIs too."""

_HELLO: Final = Struct("!6sBBB32s")
_CHALLENGE: Final = Struct("!6sB32s")
_NODE: Final = Struct("!QHH")
_LENGTH: Final = Struct("!H")
_FIELD: Final = Struct("!BH")
_LANES: Final = {Lane.control: 0, Lane.user: 1}
_DIALER, _ACCEPTOR = b"casty dialer\0", b"casty acceptor\0"


@final
class Identity:
    """What this side says of itself, and the cookies that it knows. It has no `repr` that would show them."""

    __slots__ = ("accepts_clients", "cluster", "cookies", "node", "versions")

    def __init__(
        self,
        cluster: str,
        node: NodeId,
        cookies: tuple[bytes, ...],
        *,
        versions: Versions = FIRST_VERSION,
        accepts_clients: bool = False,
    ) -> None:
        self.cluster = cluster
        self.node = node
        self.cookies = cookies
        self.versions = versions
        self.accepts_clients = accepts_clients


class Peer(NamedTuple):
    """The other side of a connection, once the handshake has succeeded."""

    node: NodeId
    lane: Lane
    version: int
    """The highest version of the protocol that both sides speak."""


class Step(NamedTuple):
    """The frame to send next, if any; with a peer, the handshake is complete."""

    kind: Kind | None = None
    body: bytes = b""
    peer: Peer | None = None


@final
class Dialing:
    """The side that connects. Each method raises `Ending` where the handshake has failed."""

    def __init__(self, me: Identity, lane: Lane, nonce: bytes) -> None:
        self._me = me
        self._lane = lane
        self._peer: Peer | None = None
        self._challenge = b""
        role = _field(ROLE, _CLIENT_ROLE) if me.node.is_client else b""
        head = _HELLO.pack(MAGIC, *me.versions, _LANES[lane], nonce)
        self.hello = head + _node(me.node) + _text(me.cluster) + role

    @property
    def versions(self) -> Versions:
        return self._me.versions

    def received(self, kind: int, body: bytes) -> Step:
        if kind == Kind.challenge and self._peer is None:
            return self._challenged(body)
        if kind == Kind.welcome and self._peer is not None:
            return self._welcomed(self._peer, body)
        raise Ending(Reason.out_of_turn, f"kind {kind} during the handshake")

    def _challenged(self, body: bytes) -> Step:
        try:
            magic, version, _ = _CHALLENGE.unpack_from(body)
            acceptor, at = _read_node(body, _CHALLENGE.size)
            _read_fields(body, at)
            _check_node(acceptor)
        except (error, UnicodeDecodeError):
            raise _damaged("Challenge") from None
        if magic != MAGIC:
            raise _damaged("Challenge")
        if not self._me.versions.lowest <= version <= self._me.versions.highest:
            raise no_common_version(Versions(version, version), self._me.versions)
        self._peer = Peer(acceptor, self._lane, version)
        self._challenge = body
        return Step(Kind.proof, _proof(self._me.cookies[:1], _DIALER, self.hello, body))

    def _welcomed(self, acceptor: Peer, body: bytes) -> Step:
        if not hmac.compare_digest(body, _proof(self._me.cookies[:1], _ACCEPTOR, self.hello, self._challenge)):
            raise Ending(Reason.wrong_cookie)
        return Step(peer=acceptor)


@final
class Accepting:
    """The side that is connected to. Each method raises `Ending` where the handshake has failed."""

    def __init__(self, me: Identity, nonce: bytes) -> None:
        self._me = me
        self._nonce = nonce
        self._challenge = b""
        self._hello = b""
        self._peer: Peer | None = None

    @property
    def versions(self) -> Versions:
        return self._me.versions

    def received(self, kind: int, body: bytes) -> Step:
        if kind == Kind.hello and self._peer is None:
            self._peer, self._hello = self._introduced(body), body
            head = _CHALLENGE.pack(MAGIC, self._peer.version, self._nonce)
            self._challenge = head + _node(self._me.node)
            return Step(Kind.challenge, self._challenge)
        if kind == Kind.proof and self._peer is not None:
            return Step(Kind.welcome, self._proved(body), self._peer)
        raise Ending(Reason.out_of_turn, f"kind {kind} during the handshake")

    def _introduced(self, body: bytes) -> Peer:
        try:
            magic, lowest, highest, lane, _ = _HELLO.unpack_from(body)
            node, at = _read_node(body, _HELLO.size)
            cluster, at = _read_text(body, at)
            fields = _read_fields(body, at)
            _check_role(node, fields.get(ROLE, _NODE_ROLE))
        except (error, UnicodeDecodeError):
            raise _damaged("Hello") from None
        if magic != MAGIC or lane not in _LANES.values() or lowest > highest:
            raise _damaged("Hello")
        version = self._me.versions.common(Versions(lowest, highest))
        if version is None:
            raise no_common_version(Versions(lowest, highest), self._me.versions)
        self._check_admission(cluster, node)
        return Peer(node, Lane.control if lane == _LANES[Lane.control] else Lane.user, version)

    def _check_admission(self, cluster: str, node: NodeId) -> None:
        if cluster != self._me.cluster:
            text = f"the peer belongs to {cluster[:100]!r}, this node to {self._me.cluster!r}"
            raise Ending(Reason.wrong_cluster, text)
        if node.uid == self._me.node.uid:
            raise Ending(Reason.itself)
        if node.is_client and not self._me.accepts_clients:
            raise Ending(Reason.no_clients)

    def _proved(self, body: bytes) -> bytes:
        """The proof in return, with the cookie that the dialing side used."""
        for known in [(cookie,) for cookie in self._me.cookies] or [()]:
            if hmac.compare_digest(body, _proof(known, _DIALER, self._hello, self._challenge)):
                return _proof(known, _ACCEPTOR, self._hello, self._challenge)
        raise Ending(Reason.wrong_cookie)


def _proof(cookies: tuple[bytes, ...], role: bytes, hello: bytes, challenge: bytes) -> bytes:
    """Without a cookie, one byte that proves nothing."""
    if not cookies:
        return b"\0"
    proved = role + _LENGTH.pack(len(hello)) + hello + _LENGTH.pack(len(challenge)) + challenge
    return hmac.digest(cookies[0], proved, "sha256")


def _damaged(what: str) -> Ending:
    return Ending(Reason.stranger, f"its {what} cannot be read")


def _check_role(node: NodeId, role: bytes) -> None:
    """Raises `struct.error` for an identity that does not fit the role."""
    if role == _NODE_ROLE:
        _check_node(node)
    elif role != _CLIENT_ROLE or not node.is_client or not _CLIENT_NAME.fullmatch(node.host):
        raise error("neither a node nor a client")


def _check_node(node: NodeId) -> None:
    if node.is_client:
        raise error("no node listens at port 0")


def _node(node: NodeId) -> bytes:
    host = node.host.encode()
    return _NODE.pack(node.uid, node.port, len(host)) + host


def _read_node(body: bytes, at: int) -> tuple[NodeId, int]:
    uid, port, length = _NODE.unpack_from(body, at)
    at += _NODE.size
    host = _slice(body, at, length).decode()
    if not host or not host.isprintable() or not uid:
        raise error("not the name of a node")
    return NodeId(host, port, uid), at + length


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(body, at)
    at += _LENGTH.size
    return _slice(body, at, length).decode(), at + length


def _field(tag: int, value: bytes) -> bytes:
    return _FIELD.pack(tag, len(value)) + value


def _read_fields(body: bytes, at: int) -> Mapping[int, bytes]:
    """Everything from `at` on, by tag."""
    fields: dict[int, bytes] = {}
    while at < len(body):
        tag, length = _FIELD.unpack_from(body, at)
        at += _FIELD.size
        if tag in fields:
            raise error("a field that comes twice")
        fields[tag] = _slice(body, at, length)
        at += length
    return fields


def _slice(body: bytes, at: int, length: int) -> bytes:
    if at + length > len(body):
        raise error("cut off")
    return body[at : at + length]
