"""What a check of a transport is given, what a transport may promise, and the decorator that lists a check."""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from casty.address import PeerAddress
from casty.spi.transport import Endpoint, FrameReceiver, Transport
from casty.testing.conformance.checks import RoomChecks

type OpenTransport = Callable[[FrameReceiver, Endpoint, PeerAddress | None], AbstractAsyncContextManager[Transport]]
"""Opens an endpoint: at that address, or at any free one."""

type Check = Callable[[OpenTransport], Awaitable[None]]
"""Raises `AssertionError` if the transport does not do what the check's name says."""


type Stream = tuple[StreamReader, StreamWriter]
type Accept = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wire:
    """How to get at the bytes between two endpoints, for a transport that runs over streams."""

    dial: Callable[[PeerAddress], Awaitable[Stream]]
    """Connects to an endpoint, as another one would, and says nothing."""
    listen: Callable[[Accept], AbstractAsyncContextManager[PeerAddress]]
    """Listens where an endpoint could, and calls the function given for each connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a transport promises beyond what all must do."""

    authenticating: bool = True
    """Nodes that do not share a cookie are kept apart."""
    patient: bool = True
    """What is sent to a peer that is not there yet waits for it. A transport within one process need not do that."""
    advertising: bool = True
    """An endpoint is known by the address that it advertises, which need not be the one at which it listens."""
    clients: bool = True
    """It serves clients, and accepts them where an endpoint does."""
    discards: bool = False
    """It is a `DiscardingTransport`."""
    processes: bool = True
    """Its endpoints may be in different processes, one of which may be killed."""
    wire: Wire | None = None
    """With it, hostile bytes are tried: what is no frame, and a handshake that was overheard."""


type PromisedCheck = Callable[[OpenTransport, Capabilities], Awaitable[None]]
"""A check that needs to know what the transport promises."""


Checks = RoomChecks[Capabilities, Check]
Promised = RoomChecks[Capabilities, PromisedCheck]
