"""Where an actor lives, and where a node listens: values that can travel and be written as text."""

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Self, override
from urllib.parse import quote, unquote, urlsplit

SCHEME = "casty"

_KEPT = 4096
"""Places whose text is kept: an ask's reply address differs from the one before in its uid only."""


def canonical_host(host: str) -> str:
    """The one way in which Casty writes a host: two ways to write a name or an IP address are one node.

    Names are in lower case and without the dot at their end, IP addresses as short as can be, and an IPv4 address that
    is mapped into IPv6 is an IPv4 address.
    """
    bare = host.strip("[]").rstrip(".").lower()
    try:
        address = ip_address(bare)
    except ValueError:
        return bare
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address if mapped is None else mapped)


class PeerAddress(NamedTuple):
    """Where a node listens. Not its identity: another process may listen there tomorrow."""

    host: str
    port: int

    @property
    def is_client(self) -> bool:
        """Whether it names a client, see `NodeId`: no node listens at port 0."""
        return self.port == 0

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ActorAddress:
    """Names one incarnation of one actor: a stopped actor's name may be used again, its `uid` never is."""

    system: str
    path: str
    """From the root, for example `/orders/item-1`."""
    _: KW_ONLY
    host: str | None = None
    """None: an actor of this process that is not reachable from elsewhere."""
    port: int | None = None
    node_id: str | None = None
    uid: int = 0
    """0 stands for whichever incarnation is alive."""

    @property
    def is_local(self) -> bool:
        """Whether it names an actor of a system without a cluster, which no other process can reach."""
        return self.host is None

    def to_uri(self) -> str:
        """`casty://system@host:port/path?node=id#uid`; the parts that are absent are left out."""
        place = _place_to_uri(self.system, self.path, self.host, self.port, self.node_id)
        return f"{place}#{self.uid}" if self.uid else place

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """The inverse of `to_uri`. Raises ValueError for anything else."""
        place, _, uid = uri.partition("#")
        try:
            system, path, host, port, node_id = _place_from_uri(place)
            return cls(system=system, path=path, host=host, port=port, node_id=node_id, uid=int(uid) if uid else 0)
        except ValueError as error:
            raise ValueError(f"not an actor's address: {uri!r}: {error}") from None

    def __str__(self) -> str:
        return self.to_uri()


type _Place = tuple[str, str, str | None, int | None, str | None]


@lru_cache(_KEPT)
def _place_to_uri(system: str, path: str, host: str | None, port: int | None, node_id: str | None) -> str:
    authority = quote(system, safe="")
    if host is not None:
        authority += f"@[{host}]:{port}" if ":" in host else f"@{host}:{port}"
    node = f"?node={quote(node_id, safe='')}" if node_id is not None else ""
    return f"{SCHEME}://{authority}{quote(path)}{node}"


@lru_cache(_KEPT)
def _place_from_uri(uri: str) -> _Place:
    parts = urlsplit(uri)
    if parts.scheme != SCHEME or not parts.path.startswith("/") or not parts.netloc:
        raise ValueError("it does not look like casty://system@host:port/path")
    system, at, where = parts.netloc.rpartition("@")
    # `parts.hostname` would be in lower case, and the address no longer equal to the one written.
    host = where if parts.port is None else where.rpartition(":")[0]
    node = parts.query.removeprefix("node=") if parts.query.startswith("node=") else None
    return (
        unquote(system if at else parts.netloc),
        unquote(parts.path),
        host.strip("[]") if at else None,
        parts.port if at else None,
        unquote(node) if node is not None else None,
    )
