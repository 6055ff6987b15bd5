"""A process with 64 file descriptors, whose endpoint runs out of them and recovers. `test_crowds.py` runs it."""

import asyncio
import logging
import resource
import socket

from casty.testing.conformance.transport.nodes import node
from casty.testing.conformance.transport.registry import OpenTransport
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint


def use_all_files(used: list[socket.socket]) -> None:
    try:
        while True:
            used.append(socket.socket())
    except OSError:
        return


async def main() -> None:
    logging.getLogger("casty.transport").setLevel(logging.CRITICAL)
    options = TcpOptions(give_up_after=20.0)
    open_tcp: OpenTransport = lambda receiver, endpoint, at: open_endpoint(  # noqa: E731
        f"tcp://{at or '127.0.0.1:0'}", receiver, endpoint, options
    )
    async with node(open_tcp) as a, node(open_tcp) as b, node(open_tcp) as c:
        await a.meet(b)
        used: list[socket.socket] = []
        use_all_files(used)
        used.pop().close()  # one for the socket that connects; none is left for the accepting side
        await c.send(a.address, [b"let me in"])
        while not a.transport.counters.get("no-files"):  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.01)
        print("full")
        await a.send(b.address, [b"still there?"])
        await b.inbox.until_received(1)
        assert a.inbox.lost == []
        print("old friends still talk")
        for each in used:
            each.close()
        await a.inbox.until_received(1)
        print("strangers get in again")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    asyncio.run(main())
