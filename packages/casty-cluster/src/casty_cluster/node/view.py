"""The cluster as the shells above the node see it: a value at a time, and whoever wants the next one."""

from collections.abc import Callable

from casty.member import ClusterState as ClusterState

type Observer = Callable[[ClusterState | None], None]
"""Given each new view; None: this node is no member any more."""


class Views:
    """The newest view, and who is told of the next one."""

    def __init__(self) -> None:
        self.current: ClusterState | None = None
        self._observers: dict[Observer, None] = {}

    def observe(self, observer: Observer) -> None:
        """`observer` is called now, if there is a view, and with each one that follows."""
        self._observers[observer] = None
        if self.current is not None:
            observer(self.current)

    def ignore(self, observer: Observer) -> None:
        self._observers.pop(observer, None)

    def show(self, view: ClusterState | None) -> None:
        """Tell everybody, if it is news."""
        if view != self.current:
            self.current = view
            for observer in list(self._observers):
                observer(view)
