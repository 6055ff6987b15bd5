"""TCP and TLS transport of Casty clusters."""

from casty_transport_tcp.options import TcpOptions as TcpOptions
