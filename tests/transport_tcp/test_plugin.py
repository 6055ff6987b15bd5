"""The plugin offers both schemes, and loads what they are built on only when one of them is opened."""

import subprocess
import sys

import pytest
from casty.plugins import PluginRegistry, build_options
from casty.spi.transport import Endpoint
from casty.testing.conformance.transport.nodes import Inbox


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_both_schemes_are_found(scheme: str) -> None:
    assert PluginRegistry.discover().transport(f"{scheme}://127.0.0.1:0").names == ("tcp", "tls")


async def test_an_endpoint_is_opened_the_way_that_its_users_go() -> None:
    provider = PluginRegistry.discover().transport("tcp://127.0.0.1:0")
    endpoint = Endpoint(cluster="test", uid=1)
    async with provider.open("tcp://127.0.0.1:0", Inbox(), endpoint, build_options(provider, {})) as transport:
        assert transport.local.port > 0
        assert transport.counters == {}


def test_an_unused_plugin_costs_nothing() -> None:
    program = "import sys, casty_transport_tcp.plugin; sys.exit('casty_transport_tcp.transport' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
