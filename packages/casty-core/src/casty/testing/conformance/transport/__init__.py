"""What every transport must do, as plain async functions that raise `AssertionError`.

A transport's author runs them with three lines of pytest:

    @pytest.mark.parametrize("check", checks())
    async def test_conformance(check: Check) -> None:
        await check(lambda receiver, endpoint, at: open_endpoint(at or PeerAddress("127.0.0.1", 0), receiver, endpoint))

The function opens an endpoint at the address `at`, or at any free one of this machine for None. Several
are open at the same time, and an address may be reused after its endpoint was closed. Use options that drop an
unreachable peer within a second or two, as some checks wait for that, and the default limits of frames. Some tests are
left to the transport's author: to cut a connection, to pause a process. `Capabilities(wire=Wire(...))` lets the kit
send raw bytes.
"""

from casty.testing.conformance.transport.catalog import checks as checks
from casty.testing.conformance.transport.registry import Capabilities as Capabilities
from casty.testing.conformance.transport.registry import Check as Check
from casty.testing.conformance.transport.registry import OpenTransport as OpenTransport
from casty.testing.conformance.transport.registry import Wire as Wire
