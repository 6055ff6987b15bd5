"""The cluster as the shells above the node see it: the current view, its observers, and what waits for a later one."""

import asyncio
from collections.abc import Callable

from casty.errors import JoinError
from casty.member import ClusterState as ClusterState

type Observer = Callable[[ClusterState | None], None]
"""Called with each new view; None: this node is no longer a member."""


class Views:
    """The current view of one node, through all its incarnations."""

    def __init__(self) -> None:
        self.current: ClusterState | None = None
        self._observers: dict[Observer, None] = {}
        self._waiting: dict[asyncio.Future[None], Callable[[ClusterState], bool]] = {}

    def observe(self, observer: Observer) -> None:
        """Call `observer` now, if there is a view, and with each later one."""
        self._observers[observer] = None
        if self.current is not None:
            observer(self.current)

    def ignore(self, observer: Observer) -> None:
        self._observers.pop(observer, None)

    def show(self, view: ClusterState | None) -> None:
        """Make `view` the current one, and call the observers if it is a new one."""
        if view == self.current:
            return
        self.current = view
        for observer in list(self._observers):
            observer(view)
        if view is not None:
            for future, holds in self._waiting.items():
                if holds(view) and not future.done():
                    future.set_result(None)

    async def wait_until(self, holds: Callable[[ClusterState], bool]) -> None:
        """Return once `holds` of the current view. Raises what `fail_waiting` is called with."""
        if self.current is not None and holds(self.current):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = holds
        try:
            await future
        finally:
            del self._waiting[future]

    def fail_waiting(self, error: JoinError) -> None:
        """There will be no further view."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
