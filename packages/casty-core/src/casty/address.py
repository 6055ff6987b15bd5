"""Where an actor lives, and where a node listens: values that can travel and be written as text."""

from dataclasses import dataclass
from typing import NamedTuple, Self, override
from urllib.parse import quote, unquote, urlsplit

SCHEME = "casty"


class PeerAddress(NamedTuple):
    """Where a node listens. Not its identity: another process may listen there tomorrow."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorAddress:
    """Names one incarnation of one actor: a stopped actor's name may be used again, its `uid` never is."""

    system: str
    path: str
    """From the root, for example `/orders/item-1`."""
    host: str | None = None
    """None: an actor of this process that is not reachable from elsewhere."""
    port: int | None = None
    node_id: str | None = None
    uid: int = 0
    """0 stands for whichever incarnation is alive."""

    def to_uri(self) -> str:
        """`casty://system@host:port/path?node=id#uid`; the parts that are absent are left out."""
        authority = quote(self.system, safe="")
        if self.host is not None:
            host = f"[{self.host}]" if ":" in self.host else self.host
            authority += f"@{host}:{self.port}"
        node = f"?node={quote(self.node_id, safe='')}" if self.node_id is not None else ""
        uid = f"#{self.uid}" if self.uid else ""
        return f"{SCHEME}://{authority}{quote(self.path)}{node}{uid}"

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """The inverse of `to_uri`. Raises ValueError for anything else."""
        try:
            parts = urlsplit(uri)
            if parts.scheme != SCHEME or not parts.path.startswith("/") or not parts.netloc:
                raise ValueError("it does not look like casty://system@host:port/path")
            system, at, where = parts.netloc.rpartition("@")
            # `parts.hostname` would be in lower case, and the address no longer equal to the one written.
            host = where if parts.port is None else where.rpartition(":")[0]
            node = parts.query.removeprefix("node=") if parts.query.startswith("node=") else None
            return cls(
                system=unquote(system if at else parts.netloc),
                path=unquote(parts.path),
                host=host.strip("[]") if at else None,
                port=parts.port if at else None,
                node_id=unquote(node) if node is not None else None,
                uid=int(parts.fragment) if parts.fragment else 0,
            )
        except ValueError as error:
            raise ValueError(f"not an actor's address: {uri!r}: {error}") from None

    def __str__(self) -> str:
        return self.to_uri()
