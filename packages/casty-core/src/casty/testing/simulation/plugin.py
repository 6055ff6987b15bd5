"""The plugin for systems on simulated hosts, `plugins=[plugin]`: the network `sim://host:port`, the journals
`sim-disk://name` and `sim-database://name`, and leases at `sim-database://name`.
"""

from typing import Any

from casty.plugins import JournalProvider, LeaseProvider, TransportProvider, hookimpl
from casty.testing.simulation import leases
from casty.testing.simulation.store import DISK_PROVIDER, SERVER_PROVIDER
from casty.testing.simulation.transport import PROVIDER


@hookimpl
def casty_journals() -> list[JournalProvider[Any]]:
    """The journals on a host's own disk, and on a server that all hosts share."""
    return [DISK_PROVIDER, SERVER_PROVIDER]


@hookimpl
def casty_leases() -> list[LeaseProvider[Any]]:
    """The leases that all hosts share."""
    return [leases.PROVIDER]


@hookimpl
def casty_transports() -> list[TransportProvider[Any]]:
    """The simulated network."""
    return [PROVIDER]
