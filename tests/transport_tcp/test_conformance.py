"""Both schemes of the transport do all that a transport must."""

from dataclasses import replace
from pathlib import Path

import pytest
from casty.testing.conformance.transport import Check, checks
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint
from trustme import CA

from tests.transport_tcp.certificates import written

OPTIONS = TcpOptions(give_up_after=1.0)


@pytest.mark.parametrize("check", checks())
async def test_conformance(check: Check) -> None:
    await check(
        lambda receiver, endpoint, at: open_endpoint(f"tcp://{at or '127.0.0.1:0'}", receiver, endpoint, OPTIONS)
    )


@pytest.mark.parametrize("check", checks())
async def test_conformance_of_tls(check: Check, tmp_path: Path) -> None:
    tls = written(tmp_path, authority=CA()).config
    await check(
        lambda receiver, endpoint, at: open_endpoint(
            f"tls://{at or '127.0.0.1:0'}", receiver, replace(endpoint, tls=tls), OPTIONS
        )
    )
