"""Why connections are refused or end: the numbers that travel, the words that counters, logs and receivers use."""

from enum import IntEnum
from typing import Final

from casty.spi.transport import ConnectFailure


class Reason(IntEnum):
    """The number is what a close frame carries, so none is ever used for something else."""

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

    @property
    def slug(self) -> str:
        """What counters call it."""
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
    Reason.wrong_cluster: "the two nodes are of different clusters; all nodes of a cluster have the same system name",
    Reason.wrong_cookie: "the two nodes share no cookie; give all nodes of a cluster the same one",
    Reason.itself: "it is this node itself",
    Reason.replaced: "a newer incarnation of that node has connected",
    Reason.superseded: "a newer connection took the place of this one",
    Reason.silent: "the peer has sent nothing for too long",
    Reason.too_slow: "the handshake took too long",
    Reason.crowded: "too many handshakes are under way, and this one took longest",
    Reason.tls: "the TLS handshake failed",
    Reason.unreachable: "no node can be reached there",
    Reason.hung_up: "the other side closes the connection during the handshake; perhaps it wants TLS, or a certificate",
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
}
"""Reasons for which a handshake fails until somebody changes a setting."""

_WEIGHTS: Final = {
    ConnectFailure.refused: 0,
    ConnectFailure.unreachable: 1,
    ConnectFailure.rejected: 2,
    ConnectFailure.itself: 3,
}


class Ending(Exception):
    """A connection cannot go on, or did not come about."""

    def __init__(self, reason: Reason, detail: str = "", *, by_peer: bool = False, refused: bool = False) -> None:
        """`refused`: the other machine says that nothing listens there."""
        text = f"{_TEXTS[reason]}: {detail}" if detail else _TEXTS[reason]
        super().__init__(f"the peer claims: {text}" if by_peer else text)
        self.reason = reason
        self.by_peer = by_peer
        # A proxy in front of a process that has ended accepts, and then hangs up.
        self._refused = refused or (reason is Reason.broken and not by_peer)

    @property
    def failure(self) -> ConnectFailure:
        """What it means for an attempt to connect that has ended by it."""
        if self.reason is Reason.itself and not self.by_peer:
            return ConnectFailure.itself
        if self._refused:
            return ConnectFailure.refused
        return ConnectFailure.rejected if self.reason in _REJECTING else ConnectFailure.unreachable

    @property
    def weight(self) -> int:
        """Of several attempts to connect, the one with the most says what is wrong."""
        return _WEIGHTS[self.failure]

    @property
    def counter(self) -> str:
        return f"peer: {self.reason.slug}" if self.by_peer else self.reason.slug


def told(number: int) -> Ending:
    """What a close frame with this number means; a newer Casty may know more of them."""
    try:
        return Ending(Reason(number), by_peer=True)
    except ValueError:
        return Ending(Reason.closed, by_peer=True)


def without_frames[E: BaseException](error: E) -> E:
    """The error without its traceback and its causes.

    An error that is kept keeps the frames that it has passed, and these keep the connection. asyncio's own future of a
    TLS handshake keeps its error while a frame of that error keeps the future. Both are cycles that only the garbage
    collector frees, and a flood of connections comes faster than that: each one holds 256 KiB of buffers.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
