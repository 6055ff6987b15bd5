"""The stranger's transport with one deliberate bug each, of the kinds that a first version has."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Lane

from tests.plugins.stranger.handshake import proof
from tests.plugins.stranger.transport import UnixTransport


class StealsTheAddress(UnixTransport):
    """As `asyncio.start_unix_server` does by itself."""

    @override
    async def take_address(self, path: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)


class TakesAnyFileForAnEndpoint(UnixTransport):
    """Also that of a socket whose process was killed."""

    @override
    async def take_address(self, path: str) -> None:
        if await asyncio.to_thread(os.path.exists, path):
            raise OSError(f"{path} is there already")


class KeepsItsOwnAddress(UnixTransport):
    @property
    @override
    def local(self) -> PeerAddress:
        return self.at


class TakesFramesOfAnySize(UnixTransport):
    @override
    def check_size(self, frame: bytes, lane: Lane) -> None:
        pass


class ReadsFramesOfAnySize(UnixTransport):
    @override
    def limit(self, lane: Lane) -> int:
        return 1 << 32


class AcceptsAnyCluster(UnixTransport):
    @override
    def refusal(self, cluster: str) -> str | None:
        return None


class AcceptsAnyCookie(UnixTransport):
    @override
    def shared(self, given: str, nonces: bytes, prover: str) -> bytes | None:
        return b"" if not self.endpoint.cookies else self.endpoint.cookies[0]


class KnowsOneCookie(UnixTransport):
    @override
    def shared(self, given: str, nonces: bytes, prover: str) -> bytes | None:
        found = super().shared(given, nonces, prover)
        return found if found in (b"", *self.endpoint.cookies[:1]) else None


class ProvesWithoutNonces(UnixTransport):
    @override
    def proof(self, cookie: bytes, nonces: bytes, prover: str) -> str:
        return proof(cookie, b"", prover)


class SwallowsWhatReceiversRaise(UnixTransport):
    @override
    def tell[*Told](self, callback: Callable[[*Told], object], *told: *Told) -> None:
        if not self.is_silent:
            with suppress(Exception):
                callback(*told)


class AnnouncesEachConnection(UnixTransport):
    @override
    def arrive(self, node: NodeId) -> None:
        super().arrive(node)
        if self.present[node] > 1:
            self.tell(self.receiver.peer_connected, node)


class NeverTellsOfLosses(UnixTransport):
    @override
    def depart(self, node: NodeId) -> None:
        self.present[node] = 0


class ForgetsIncarnations(UnixTransport):
    """A peer that starts again is the one that it was."""

    @override
    def arrive(self, node: NodeId) -> None:
        known = next((known for known in self.present if known.address == node.address), node)
        super().arrive(known._replace(uid=0))


class CountsNothing(UnixTransport):
    @property
    @override
    def counters(self) -> Mapping[str, int]:
        return {}


class HangsUpAtOnce(UnixTransport):
    @override
    async def disconnect(self, peer: PeerAddress) -> None:
        if link := self.links.get(peer):
            link.abandon()
        await super().disconnect(peer)


class TakesFramesWhenItIsClosed(UnixTransport):
    @override
    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        return super().send(peer, frame, lane) or self.is_closed
