"""A process whose endpoint reads what it is sent until its standard input ends. `test_slow_readers.py` runs it."""

import asyncio
import sys

from casty.spi.transport import Endpoint
from casty.testing.conformance.transport.nodes import CLUSTER, Inbox
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint


async def main() -> None:
    options = TcpOptions(ping_interval=0.05, silence_timeout=5.0)
    endpoint = Endpoint(cluster=CLUSTER, uid=4_711)
    async with open_endpoint("tcp://127.0.0.1:0", Inbox(), endpoint, options) as transport:
        print(*transport.local, flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
