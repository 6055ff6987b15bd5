"""What a check of a transport is given, what a transport may promise, and the decorator that lists a check."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a transport promises beyond what all must do."""

    authenticating: bool = True
    """Nodes that do not share a cookie are kept apart."""
    patient: bool = True
    """What is sent to a peer that is not there yet waits for it. A transport within one process need not do that."""


Checks = RoomChecks[Capabilities, Check]
