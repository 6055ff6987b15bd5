"""The kinds of values that settings take: a type with a rule, named once."""

import re
from typing import Annotated, Final, Literal

from casty.address import canonical_host
from casty.behaviors.clustered import MOST_SHARDS
from casty.config.tables import Rule
from casty.spi.transport import PeerAddress

_PEER: Final = re.compile(r"(?:\[(?P<v6>[^\[\]\s]+)\]|(?P<host>[^\[\]:/@\s]+)):(?P<port>[0-9]{1,5})")


def peer_address(text: str) -> PeerAddress | None:
    """Reads `host:port`, or `[address]:port` where the address itself has colons; None for anything else."""
    match = _PEER.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        return None
    return PeerAddress(canonical_host(match["v6"] or match["host"]), int(match["port"]))


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


Text = Annotated[str, Rule[str]("a string that is not empty", bool)]
Pattern = Annotated[str, Rule[str]("a regular expression", _is_pattern)]
Url = Annotated[str, Rule[str]("a URL such as sqlite:///events.db", lambda url: "://" in url)]
Peer = Annotated[str, Rule[str]("host:port with a port from 1 to 65535", lambda text: peer_address(text) is not None)]
Port = Annotated[int, Rule[int]("from 0 to 65535", lambda port: 0 <= port < 65536)]
Amount = Annotated[int, Rule[int]("at least 0", lambda amount: amount >= 0)]
Count = Annotated[int, Rule[int]("at least 1", lambda count: count >= 1)]
NumShards = Annotated[int, Rule[int](f"from 1 to {MOST_SHARDS:,}", lambda count: 1 <= count <= MOST_SHARDS)]
Positive = Annotated[float, Rule[float]("more than 0", lambda number: number > 0)]
NotNegative = Annotated[float, Rule[float]("at least 0", lambda number: number >= 0)]
Factor = Annotated[float, Rule[float]("at least 1", lambda number: number >= 1)]
Threshold = NotNegative | Literal[False] | None
"""Seconds; 0, false or None switch off what they are for."""
