"""Methods of an event loop that a simulation refuses, because no seed could reproduce their results."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, Final, NoReturn

_THREADS: Final = "call the function in place, or hand in a fake: threads come and go as they like"
_SOCKETS: Final = 'use the transport "sim://host:port" of casty.testing.simulation.plugin, or a fake'
_PROCESSES: Final = "start a host of the simulation instead: host.start(main)"
_SIGNALS: Final = "use host.crash() or host.pause()"

REFUSED: Final = {
    **dict.fromkeys(("run_in_executor", "set_default_executor"), _THREADS),
    **dict.fromkeys(
        (
            *("create_connection", "create_server", "create_datagram_endpoint", "connect_accepted_socket"),
            *("create_unix_connection", "create_unix_server", "getaddrinfo", "getnameinfo", "start_tls", "sendfile"),
            *("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendto"),
            *("sock_connect", "sock_accept", "sock_sendfile", "add_reader", "add_writer"),
        ),
        _SOCKETS,
    ),
    **dict.fromkeys(("subprocess_exec", "subprocess_shell", "connect_read_pipe", "connect_write_pipe"), _PROCESSES),
    "add_signal_handler": _SIGNALS,
}
"""Methods of an event loop, and what to use instead."""


def refuse(loop: AbstractEventLoop) -> None:
    """Make these methods raise RuntimeError."""
    for name, instead in REFUSED.items():
        setattr(loop, name, _refusal(name, instead))


def _refusal(name: str, instead: str) -> Callable[..., NoReturn]:
    def refused(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"a simulation has no loop.{name}(); {instead}")

    return refused
