"""From a host's name to its addresses, without delaying anything else.

A look-up may hang for any time, and cannot be interrupted. The event loop's own executor has few threads and waits for
them at the end; so each look-up has a daemon thread of its own, at most one for each name. Every attempt to connect
looks up anew, since a name's addresses may change.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Any, Final, NamedTuple, final

MAX_LOOKUPS: Final = 16
"""Look-ups that run at a time. One more fails at once: so many run only if they hang."""


class Target(NamedTuple):
    """An address to connect or bind a socket to."""

    family: int
    kind: int
    protocol: int
    address: tuple[Any, ...]


@final
class Resolver:
    """The look-ups of one endpoint."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int, int], asyncio.Future[list[Target]]] = {}

    async def targets(self, host: str, port: int, *, flags: int = 0) -> list[Target]:
        """All addresses of a host, IPv6 and IPv4 in turn. Raises OSError or ValueError where there is none."""
        if _is_address(host):
            return _look_up(host, port, flags | socket.AI_NUMERICHOST)
        key = host, port, flags
        running = self._running.get(key)
        if running is None:
            if len(self._running) >= MAX_LOOKUPS:
                raise OSError(
                    f"{MAX_LOOKUPS} look-ups of names are hanging, such as that of {next(iter(self._running))[0]}"
                )
            running = self._running[key] = asyncio.get_running_loop().create_future()
            running.add_done_callback(lambda _: self._running.pop(key))
            thread = threading.Thread(target=_answer, args=(running, key), name=f"casty-look-up-{host}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no more threads for this process
                _settle(running, None, OSError(str(error)))
        return await asyncio.shield(running)


def _answer(running: "asyncio.Future[list[Target]]", key: tuple[str, int, int]) -> None:
    """Run one look-up, in its thread."""
    loop = running.get_loop()
    with suppress(RuntimeError):  # the loop is closed, and nothing awaits the result any more
        try:
            found = _look_up(*key)
        except Exception as error:  # a look-up calls libraries of the system, which may do anything
            usual = isinstance(error, OSError | ValueError)
            failure = error if usual else OSError(f"the look-up of {key[0]} failed: {error!r}")
            loop.call_soon_threadsafe(_settle, running, None, failure)
        else:
            loop.call_soon_threadsafe(_settle, running, found, None)


def _settle(running: "asyncio.Future[list[Target]]", found: list[Target] | None, error: Exception | None) -> None:
    if error is None:
        running.set_result(found or [])
    else:
        running.set_exception(error)
        running.exception()  # marked as retrieved: the awaiting task may have been cancelled


def _look_up(host: str, port: int, flags: int) -> list[Target]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    families: dict[int, list[Target]] = {}
    for family, kind, protocol, _, address in found:
        target = Target(family, kind, protocol, address)
        if target not in families.setdefault(family, []):
            families[family].append(target)
    if not families:
        raise OSError(f"the name {host} has no address")
    return [target for target in chain.from_iterable(zip_longest(*families.values())) if target is not None]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
