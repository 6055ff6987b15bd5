"""Cluster features of tests: they record what they are called for, and fail where a test wants them to."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, override

from casty import message
from casty.member import ClusterState
from casty.plugins import ClusterFeatureProvider, hookimpl
from casty.spi.cluster_feature import (
    ClusterFeature,
    ClusterNode,
    ReceiveMessage,
    ReceiveTransfer,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)

TABLE = "test.features.Table"
"""A kind of large state."""


@message("test.features.Note")
@dataclass(frozen=True)
class Note:
    """A message between the features of two nodes."""

    text: str


@dataclass(eq=False)
class Recording(ClusterFeature):
    """Records into `seen`. What a field holds is declared, or called, in addition."""

    node: ClusterNode
    name: str = "recording"
    seen: list[Any] = field(default_factory=list[Any])
    claimed_behaviors: Mapping[type[Any], SpawnBehavior] = field(default_factory=dict[type[Any], SpawnBehavior])
    receive: ReceiveMessage | None = None
    take: ReceiveTransfer | None = None
    at_start: Callable[[], Coroutine[Any, Any, object]] | None = None
    at_view: Callable[[ClusterState | None], None] | None = None
    tasks: Mapping[ShutdownPhase, ShutdownTask] = field(default_factory=dict[ShutdownPhase, ShutdownTask])

    @override
    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        return self.claimed_behaviors

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {} if self.receive is None else {Note: self.receive}

    @override
    def transfers(self) -> Mapping[str, ReceiveTransfer]:
        return {} if self.take is None else {TABLE: self.take}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        def recorded(phase: ShutdownPhase) -> ShutdownTask:
            async def record() -> None:
                self.seen.append((self.name, phase.value))

            return ShutdownTask(record)

        return {phase: recorded(phase) for phase in ShutdownPhase} | dict(self.tasks)

    @override
    async def start(self) -> None:
        self.seen.append((self.name, "start"))
        if self.at_start is not None:
            await self.at_start()

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        self.seen.append(view)
        if self.at_view is not None:
            self.at_view(view)


class Features:
    """A plugin with one feature for each function, which makes it; the last one made by each is in `made`."""

    def __init__(self, **makers: Callable[[ClusterNode], Any]) -> None:
        self._makers = makers
        self.made: dict[str, list[Any]] = {name: [] for name in makers}

    def _create(self, name: str, node: ClusterNode) -> Any:
        feature = self._makers[name](node)
        self.made[name].append(feature)
        return feature

    @hookimpl
    def casty_cluster_features(self) -> list[ClusterFeatureProvider[Any]]:
        def provider(name: str) -> ClusterFeatureProvider[Any]:
            return ClusterFeatureProvider(names=(name,), create=lambda node, _: self._create(name, node))

        return [provider(name) for name in self._makers]
