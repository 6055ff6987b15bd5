"""What clients may reach on a node: `[cluster.clients] allow`."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, final

from casty.printable import printable

from casty_cluster.broadcast.broadcast import PREFIX

KEPT_NAMES: Final = 4_096


@final
class Allowance:
    """An actor is allowed by the name at the top of its path, or by a service key under which it is registered."""

    def __init__(self, patterns: Sequence[str], keys_at: Callable[[str], Iterable[str]]) -> None:
        """`keys_at` returns the service keys of the actor of this node at a path."""
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._keys_at = keys_at
        self.allows_name = lru_cache(KEPT_NAMES)(self._allows_name)
        """Whether a name at the top of a path, or the name of a service key, is allowed."""

    def refusal(self, path: str) -> str | None:
        """Why clients may not reach the actor of this node at that path, if so."""
        top = path.lstrip("/").partition("/")[0].removeprefix(PREFIX)
        if top.startswith("_"):
            return f"{printable(path)} is internal to Casty and takes no messages of clients"
        if self.allows_name(top) or any(map(self.allows_name, self._keys_at(path))):
            return None
        return f"clients may not reach {printable(path)}, see [cluster.clients] allow of this node"

    def _allows_name(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self._patterns)
