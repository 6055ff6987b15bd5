"""The client of a cluster, as its users see it."""

import concurrent.futures
from asyncio import timeout as time_limit
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, cast, final

from casty import ActorRef, ActorSystem, CastyConfig, Listing, ServiceKey
from casty.address import ActorAddress
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.discovery import ServiceInstance
from casty.clock import Clock
from casty.coordination import IN_MEMORY, PERSISTENT, Client, Distributed
from casty.errors import ArgumentError, SystemStoppedError
from casty.event_stream import EventStream
from casty.extension import checked_config
from casty.member import NodeId
from casty.quantities import checked_seconds
from casty.tls import Config as TlsConfig

from casty_cluster.client.refs import ClientRef
from casty_cluster.client.remote import ClientRemote
from casty_cluster.client.session import Session
from casty_cluster.client.settings import client_settings
from casty_cluster.settings import Cookie, Seed
from casty_cluster.sharding.refs import checked_region


@final
class ClusterClient:
    """A program that uses the actors of a cluster, and is no node of it. Use it with `async with`.

    It attaches to one of the nodes at `contact_points`, its contact, and to another one when it loses that or the node
    leaves the cluster. `system_name` is the cluster's. The client connects to a node at the address that the node
    advertises; `address_map` says where it is reached instead: `{("10.0.0.1", 25520): ("localhost", 9001)}`.

    `name` is what nodes call it in their logs, with some random characters behind it. `async with` raises
    `NoContactError` if no contact point accepts the client within `connect_timeout` seconds, and at once if all reject
    it.

    Everything here is for the event loop's own thread, except `tell_threadsafe` and `ask_threadsafe`.
    """

    def __init__(
        self,
        *,
        contact_points: Sequence[Seed],
        system_name: str | None = None,
        address_map: Mapping[Seed, Seed] | None = None,
        tls: TlsConfig | None = None,
        cookie: Cookie | None = None,
        name: str = "client",
        transport: str | None = None,
        connect_timeout: float = 10.0,
        config: CastyConfig | None = None,
        plugins: Sequence[object] = (),
        clock: Clock | None = None,
    ) -> None:
        config = checked_config(config)
        # A client has no handlers that could be slow, and so needs no thread that looks for them.
        config = replace(config, system=replace(config.system, slow_handler_seconds=False))
        self._system = ActorSystem(system_name, config=config, plugins=plugins, clock=clock)
        self._settings = client_settings(
            contact_points,
            address_map,
            config,
            self._system.plugins,
            name=name,
            transport=transport,
            tls=tls,
            cookie=cookie,
            connect_timeout=connect_timeout,
        )
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        await self._system.__aenter__()
        kernel = self._system.kernel
        session = Session(kernel, self._settings)
        kernel.remote = ClientRemote(self._settings.name, session.delivery)
        self._session = session
        try:
            await session.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the client: pending asks and look-ups fail, and what has not been sent becomes dead letters."""
        session, self._session = self._session, None
        try:
            if session is not None:
                await session.close()
        finally:
            await self._system.shutdown()

    @property
    def contact(self) -> NodeId | None:
        """The node that the client is attached to; None while it has none."""
        return self._running().contact

    @property
    def event_stream(self) -> EventStream:
        """Of the client: `DeadLetter` for each message that could not be sent."""
        return self._system.event_stream

    def actor(self, path: str) -> ActorRef[Any]:
        """A reference to what each node has at a path such as `/orders`: a singleton, a pool, or an actor that all of
        them have spawned. Its messages go to the client's contact, whichever node that is.
        """
        if not path.startswith("/") or path == "/":
            raise ArgumentError(f"a path is written like '/orders', not {path!r}")
        return self._running().delivery.actor(path)

    def entity_ref(self, region: str, entity_id: str) -> ActorRef[Any]:
        """A reference to an entity of the region that nodes have spawned under that name, wherever the entity runs.

        Raises `ArgumentError` for a name that no region can have, and `BehaviorError` for an id that no entity has.
        """
        return self._running().delivery.entity(checked_region(region), checked_entity_id(entity_id))

    def distributed(self, *, persistent: bool = False) -> Distributed:
        """The structures that nodes have with `system.distributed()`; with `persistent`, those that they have with a
        journal, or in copies. The nodes have to allow their clients the region, see `docs/coordination.md`.
        """
        self._running()
        region = PERSISTENT if persistent else IN_MEMORY
        return Distributed(Client(self._system.clock, self._system.serializer, partial(self.entity_ref, region)))

    async def lookup[M](self, key: ServiceKey[M], timeout: float = 5.0) -> Listing[M]:
        """Return the actors that are registered under the key, as the client's contact knows them.

        Messages to them go straight to their nodes. Raises `ClientRefusedError` if clients may not look that up, and
        `TimeoutError`.
        """
        session = self._running()
        if not isinstance(cast("object", key), ServiceKey):
            raise ArgumentError(f"lookup takes a ServiceKey, not {key!r}; client.actor(path) refers to a path")
        checked_seconds(timeout, "timeout of lookup")
        try:
            async with time_limit(timeout):
                found = await session.lookups.find(key.name)
        except TimeoutError:
            why = session.problem_of_contact or "the contact does not reply"
            raise TimeoutError(f"no listing of {key.name!r} within {timeout:g} s: {why}") from None
        refs = [self.resolve(ActorAddress.from_uri(instance.address)) for instance in found]
        nodes = [instance.node for instance in found]
        return Listing(key, tuple(map(ServiceInstance, refs, nodes)))

    def resolve(self, address: ActorAddress) -> ActorRef[Any]:
        """A reference for an address, such as one that was stored as text."""
        session = self._running()
        found = self._system.resolve(address)
        if address.is_local and not isinstance(found, ClientRef):
            return session.delivery.actor(address.path, address.uid)
        return found

    def ask[M, R](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, R]:
        """See `ActorSystem.ask`. Raises `NodeLostError`, too, if the connection breaks before the reply has come: the
        message may have been handled or not.
        """
        self._running()
        return self._system.ask(ref, msg_factory, timeout)

    def tell_threadsafe[M](self, ref: ActorRef[M], message: M) -> None:
        """`ref.tell(message)`, from any thread."""
        self._running()
        self._system.tell_threadsafe(ref, message)

    def ask_threadsafe[M, R](
        self, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> "concurrent.futures.Future[R]":
        """See `ActorSystem.ask_threadsafe`."""
        self._running()
        return self._system.ask_threadsafe(ref, factory, timeout)

    def _running(self) -> Session:
        if self._session is None:
            raise SystemStoppedError("the client does not run; use it inside 'async with ClusterClient(…) as client:'")
        return self._session
