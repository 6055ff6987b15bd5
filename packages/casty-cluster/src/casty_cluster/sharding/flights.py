"""Asks of entities that are not known to run on this node, while they are pending."""

from collections.abc import Container
from typing import Final, final

from casty.errors import NodeLostError
from casty.extension import Asks
from casty.member import NodeId

from casty_cluster.sharding.letters import AskLetter, Letter

UNKNOWN: Final = "whether it has handled the message is unknown"


@final
class Flights:
    """Those of one region."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self._letters: dict[int, AskLetter] = {}
        """By the uids of their replies."""

    def __contains__(self, letter: AskLetter) -> bool:
        return letter.reply_uid in self._letters

    def begin(self, letter: AskLetter) -> None:
        self._letters[letter.reply_uid] = letter

    def end(self, letter: AskLetter) -> None:
        del self._letters[letter.reply_uid]

    def sent(self, reply_uid: int, letter: Letter) -> Letter | None:
        """What this node has sent as the frame that is back, from which `letter` was read: it is on no other node any
        more. None: it was an ask that is over.
        """
        if not reply_uid:
            return letter
        ask = self._letters.get(reply_uid)
        if ask is not None:
            ask.node = None
        return ask

    def lose(self, nodes: Container[NodeId | None]) -> None:
        """Fail what was under way to these nodes, which were removed."""
        for letter in list(self._letters.values()):
            if letter.node in nodes:
                self._fail(letter, f"{letter.node} was removed from the cluster before it replied")

    def lose_all(self) -> None:
        """Fail what was under way to any node: this one was removed."""
        for letter in list(self._letters.values()):
            if letter.node is not None:
                self._fail(letter, f"this node was removed from its cluster before {letter.node} replied")

    def _fail(self, letter: AskLetter, reason: str) -> None:
        letter.node = None
        self._asks.fail(letter.reply_uid, NodeLostError(f"{reason}; {UNKNOWN}"))
