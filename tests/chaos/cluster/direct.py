"""Nodes that dial each other without a relay between them: a killed process is refused by its machine itself."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Self, override

from tests.chaos.cluster.network import Network
from tests.ports import free_ports


class DirectNetwork(Network):
    """Only ports: nothing can be stopped here."""

    @classmethod
    @asynccontextmanager
    @override
    async def between(cls, names: Collection[str]) -> AsyncGenerator[Self]:
        network = cls()
        network._behind = dict(zip(names, free_ports(len(names)), strict=True))
        yield network

    @override
    def port(self, name: str) -> int:
        return self.port_behind(name)
