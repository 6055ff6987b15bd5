"""Where one node listens: opens its transport for each incarnation, always at the same address."""

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import NamedTuple, final

from casty.entropy import source
from casty.extension import Kernel
from casty.member import Member, NodeId
from casty.plugins import build_options
from casty.spi.transport import Endpoint, FrameReceiver

from casty_cluster.node.outlet import Outlet
from casty_cluster.node.reception import Reception
from casty_cluster.settings import NodeSettings
from casty_cluster.wire.catalogue import VERSIONS


class Listening(NamedTuple):
    """A node that listens as one incarnation."""

    outlet: Outlet
    reception: Reception
    local: Member
    """The member that the incarnation may become."""


@final
class NodeEndpoint:
    """The transport of one node. At most one is open at a time."""

    def __init__(self, kernel: Kernel, settings: NodeSettings) -> None:
        self._kernel = kernel
        self._settings = settings
        self._open = AsyncExitStack()

    async def open(self, reception: Reception, clients: FrameReceiver | None) -> Listening:
        """Listen as a new incarnation."""
        settings = self._settings
        provider = self._kernel.plugins.transport(settings.url)
        endpoint = Endpoint(
            cluster=self._kernel.system.name,
            uid=int.from_bytes(source().token(8)) or 1,
            versions=VERSIONS,
            advertised=settings.advertised,
            cookies=settings.cookies,
            tls=settings.tls,
            insecure=settings.insecure,
            clients=clients,
        )
        options = build_options(provider, settings.transport_options)
        transport = await self._open.enter_async_context(provider.open(settings.url, reception, endpoint, options))
        host, port = transport.local
        if settings.port == 0:
            # The next incarnation has to listen where this one did: other nodes look for it there.
            self._settings = replace(settings, port=port)
        node = NodeId(host, port, endpoint.uid)
        local = Member(node=node, node_id=settings.node_id or str(node.address), roles=settings.roles)
        outlet = Outlet(transport, self._kernel.clock, discards=provider.capabilities.discards)
        reception.outlet = outlet
        return Listening(outlet, reception, local)

    async def close(self) -> None:
        await self._open.aclose()
