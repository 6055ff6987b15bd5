"""Offers the transport to Casty under the URL schemes `tcp` and `tls`."""

from contextlib import AbstractAsyncContextManager

from casty.plugins import TransportProvider, hookimpl
from casty.spi.transport import Endpoint, FrameReceiver, Transport, TransportCapabilities

from casty_transport_tcp.options import TcpOptions


@hookimpl
def casty_transports() -> list[TransportProvider[TcpOptions]]:
    protected = TransportCapabilities(authenticates=True, encrypts=True, clients=True, discards=True)
    return [TransportProvider(names=("tcp", "tls"), open=open_tcp, capabilities=protected, options=TcpOptions)]


def open_tcp(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: TcpOptions
) -> AbstractAsyncContextManager[Transport]:
    """The endpoint at `url`. Sockets and TLS are imported here, so that an unused plugin costs nothing."""
    from casty_transport_tcp.transport import open_endpoint

    return open_endpoint(url, receiver, endpoint, options)
