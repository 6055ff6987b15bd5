"""Why connections are rejected or end: the numbers in close frames, and the words in counters, logs and reports."""

from enum import IntEnum
from typing import Final

from casty.spi.transport import ConnectFailure, Versions


class Reason(IntEnum):
    """The number is sent in close frames, so none is ever reused for something else."""

    closed = 1
    broken = 2
    truncated = 3
    garbage = 4
    too_large = 5
    out_of_turn = 6
    stranger = 7
    wrong_version = 8
    wrong_cluster = 9
    wrong_cookie = 10
    itself = 11
    replaced = 12
    superseded = 13
    silent = 14
    too_slow = 15
    crowded = 16
    tls = 17
    unreachable = 18
    no_files = 19
    hung_up = 20
    no_clients = 21

    @property
    def slug(self) -> str:
        """Its name in counters."""
        return self.name.replace("_", "-")


_TEXTS: Final = {
    Reason.closed: "the connection was closed",
    Reason.broken: "the connection broke",
    Reason.truncated: "the connection ended in the middle of a frame",
    Reason.garbage: "the peer sent bytes that are no frame",
    Reason.too_large: "the peer sent a frame above the limit; all nodes need the same limits",
    Reason.out_of_turn: "the peer sent a frame that is not allowed at this point",
    Reason.stranger: "the peer does not speak Casty's protocol",
    Reason.wrong_version: "the two nodes have no version of the protocol in common; upgrade the older one",
    Reason.wrong_cluster: "the two nodes belong to different clusters; give all nodes of one the same system name",
    Reason.wrong_cookie: "the two nodes share no cookie; give all nodes of a cluster the same one",
    Reason.itself: "the peer is this node itself",
    Reason.replaced: "a newer incarnation of that node has connected",
    Reason.superseded: "a newer connection took the place of this one",
    Reason.silent: "the peer has sent nothing for too long",
    Reason.too_slow: "the handshake took too long",
    Reason.crowded: "too many handshakes are under way, and this one took longest",
    Reason.tls: "the TLS handshake failed",
    Reason.unreachable: "no node can be reached there",
    Reason.hung_up: "the other side closes the connection during the handshake; perhaps it wants TLS, or a certificate",
    Reason.no_clients: "the node accepts no clients",
    Reason.no_files: "this process has no file descriptors left; raise its limit (ulimit -n)",
}


_REJECTING: Final = {
    Reason.wrong_version,
    Reason.wrong_cluster,
    Reason.wrong_cookie,
    Reason.tls,
    Reason.garbage,
    Reason.stranger,
    Reason.out_of_turn,
    Reason.hung_up,
    Reason.no_clients,
}
"""Reasons for which a handshake fails until a setting is changed."""

_WEIGHTS: Final = {
    ConnectFailure.refused: 0,
    ConnectFailure.unreachable: 1,
    ConnectFailure.rejected: 2,
    ConnectFailure.itself: 3,
}


class Ending(Exception):
    """A connection cannot go on, or did not come about."""

    def __init__(
        self, reason: Reason, detail: str = "", *, by_peer: bool = False, refused: bool = False, sent: bytes = b""
    ) -> None:
        """`refused`: the other machine reports that nothing listens there. `sent` follows the reason's number in the
        close frame.
        """
        text = f"{_TEXTS[reason]}: {detail}" if detail else _TEXTS[reason]
        super().__init__(f"the peer claims: {text}" if by_peer else text)
        self.reason = reason
        self.by_peer = by_peer
        self.body = bytes((reason,)) + sent
        """Of the close frame by which the peer learns of it."""
        # A proxy in front of a process that has ended accepts, and then hangs up.
        self._refused = refused or (reason is Reason.broken and not by_peer)

    @property
    def failure(self) -> ConnectFailure:
        """How an attempt to connect that has ended by it has failed."""
        if self.reason is Reason.itself and not self.by_peer:
            return ConnectFailure.itself
        if self._refused:
            return ConnectFailure.refused
        return ConnectFailure.rejected if self.reason in _REJECTING else ConnectFailure.unreachable

    @property
    def weight(self) -> int:
        """Of several failed attempts to connect, the one with the greatest weight is reported."""
        return _WEIGHTS[self.failure]

    @property
    def counter(self) -> str:
        return f"peer: {self.reason.slug}" if self.by_peer else self.reason.slug


def no_common_version(theirs: Versions, ours: Versions, *, by_peer: bool = False) -> Ending:
    """A rejection that shows both ranges on both sides: the close frame carries ours."""
    detail = f"the peer speaks {theirs}, this node {ours}"
    return Ending(Reason.wrong_version, detail, by_peer=by_peer, sent=bytes(ours))


def told(body: bytes, ours: Versions) -> Ending:
    """The ending that a close frame reports. A newer Casty may know more reasons, and say more behind each of them."""
    try:
        reason = Reason(body[0])
    except ValueError:
        return Ending(Reason.closed, by_peer=True)
    if reason is Reason.wrong_version and len(body) >= 3:
        return no_common_version(Versions(body[1], body[2]), ours, by_peer=True)
    return Ending(reason, by_peer=True)


def without_frames[E: BaseException](error: E) -> E:
    """The error without its traceback and its causes.

    A stored error references the frames that it has passed, and these reference the connection. asyncio's own future of
    a TLS handshake references its error, and a frame of that error the future. Only the garbage collector frees such
    cycles, and it is slower than a flood of connections: each one holds 256 KiB of buffers.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
