"""What each kind of peer may send. Anything else is dropped.

| | a node | a client |
|---|---|---|
| frames on the control lane: membership, detector, system links, bulk transfers | yes | no |
| messages between a client and its contact | no | yes |
| a tell or an ask to an actor of the users | yes | as `[cluster.clients] allow` says |
| a tell or an ask to one of Casty's own actors, whose paths begin with `_` | no | no |
| messages between Casty's own actors in a tell or an ask: `catalogue.FORWARDING` | yes | no |
| frames for entities: `entities.KINDS` | yes | no |
| a reply, or the failure of an ask | yes | no: it has no actors that could be asked |
| headers around any of these | yes | yes |
"""

from typing import Final

from casty.errors import DecodeError

from casty_cluster.wire import frames
from casty_cluster.wire.catalogue import FORWARDING

FRAMES_OF_CLIENTS: Final = frozenset((frames.CLIENT, frames.TELL, frames.ASK))
_OF_NODES: Final = frozenset(FORWARDING)


class NotAllowedError(DecodeError):
    """A client has sent what only a node may send."""


def check_frame(kind: int) -> None:
    """Raises `NotAllowedError` for a kind of frame that a client may not send."""
    if kind not in FRAMES_OF_CLIENTS:
        raise NotAllowedError(f"a client may not send a frame of kind {kind} ({frames.KINDS.get(kind, 'unknown')})")


def check_message(message: object) -> None:
    """Raises `NotAllowedError` for a message that a client may not put into a tell or an ask."""
    if type(message) in _OF_NODES:
        raise NotAllowedError(f"a client may not send a {type(message).__name__}, which nodes send each other")
